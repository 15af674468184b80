"""The main process of a distributed run: sends plan and deals to the workers and collects their counts and rows."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge as merge_sorted
from itertools import islice
from math import inf
from pathlib import Path
from time import monotonic_ns

import gevent
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner, WorkerNode

from locustfiles.conduct.conductor import Conductor
from locustfiles.conduct.deals import Deals
from locustfiles.conduct.messages import (
    CLOCK,
    COUNTS,
    DEAL,
    DONE,
    FINISH,
    PLAN,
    READY,
    ROWS,
    Account,
    CountsMessage,
    DealMessage,
    PlanForWorker,
)
from locustfiles.conduct.plan import Plan
from locustfiles.conduct.seating import Seating, seating_for, spawn_message, users_by_worker
from locustfiles.live.counts import Live
from locustfiles.live.load import Load
from locustfiles.live.sightings import Sighting, Sightings, merge
from locustfiles.live.tokens import Tokens
from locustfiles.pacing.schedule import begins_s
from locustfiles.pacing.timeline import Stretch, user_count
from locustfiles.recording.run_dir import mark_run, unmark_run
from locustfiles.recording.shards import count_paced
from locustfiles.recording.tally import Tally
from tripcurve.errors import BadInput, NotValid, TargetUnavailable
from tripcurve.run.info import WorkerClock, WorkerInfo
from tripcurve.run.layout import shard_path

__all__ = ["Master"]

PATIENCE_S = 30.0
"""How long a connected worker may be silent at the end, in addition to the grace time for its answers."""
DEAL_AHEAD_NS = 2_000_000_000
"""A phase is dealt out this long before it begins: time for the message, and for users to be spawned."""
COMPARED = 2
"""A worker that comes late gets the plan when it has asked for the time this often, so that it knows our clock."""


@dataclass
class Member:
    """One worker that is ready in a run. `heard_ns`: monotonic ns of its last message. `account` None: not finished."""

    client_id: str
    worker: int
    heard_ns: int
    account: Account | None = None
    trips: int = 0
    open: bool = False
    sightings: list[Sighting] = field(default_factory=list)
    load: Load = field(default_factory=Load)
    tokens: Sequence[float] = ()
    shipped: list[Path] = field(default_factory=list)


class Master(Conductor):
    """The main process of a run whose workers send the traffic."""

    lead_s = 1.0

    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        super().__init__(environment)
        self._runner = runner
        self._members: dict[str, Member] = {}
        self._invited: dict[str, int] = {}
        """Workers that came late and are not ready yet: their numbers, by id."""
        self._asked = Counter[str]()
        self._deals = Deals(0)
        self._seated: tuple[int, ...] = ()
        self._dealing: gevent.Greenlet | None = None

    def attach(self) -> None:
        for kind, listener in (
            (CLOCK, self._on_clock),
            (READY, self._on_ready),
            (COUNTS, self._on_counts),
            (ROWS, self._on_rows),
            (DONE, self._on_done),
        ):
            self._runner.register_message(kind, listener)
        self.environment.events.worker_connect.add_listener(self._on_worker_connect)
        self.environment.dispatcher_class = seating_for(self._takes_part)
        self._shape.phase_begins = self._seat_users
        super().attach()

    @property
    def load(self) -> Load:
        return Load.of_all(member.load for member in self._members.values())

    def _takes_part(self, client_id: str) -> bool:
        """Return whether a worker has a share of the present phase. Without a run, all have."""
        if self.plan is None or self.timeline is None:
            return True
        member, phase = self._members.get(client_id), self.timeline.at(monotonic_ns()).index
        return member is not None and member.worker in self._deals.workers(phase)

    def _on_worker_connect(self, client_id: str, **_: object) -> None:
        if self.plan is None or client_id in self._members:
            return
        joins = "it joins at the beginning of a later phase"
        if not self._has_later_phase(self.plan):
            joins = "no phase is left for it, so it takes part in the next run"
        print(f"tripcurve: worker {client_id} connected after the start; {joins}", file=sys.stderr)

    def _has_later_phase(self, plan: Plan) -> bool:
        """Return whether a phase is left that is not dealt out yet. At the end of a run none is."""
        return not self._gathering and len(self._deals) < len(plan.scenario.phases)

    def _launch(self, plan: Plan, live: Live) -> None:
        # If this run cannot start, its account must not be that of the last one.
        self._members, self._invited, self._asked, self._deals = {}, {}, Counter(), Deals(0)
        clients = [*self._runner.clients.ready, *self._runner.clients.running, *self._runner.clients.spawning]
        if not clients:
            raise TargetUnavailable("no worker is connected; start one with `locust -f locustfiles/chat.py --worker`")
        users = _check_users(plan, len(clients))
        # Locust sends this to workers whenever it spawns users. It keeps users from being stopped during a request.
        self.environment.stop_timeout = plan.scenario.timeout + 1
        mark_run(plan.run_dir, plan.start_ns)
        now = monotonic_ns()
        ids = sorted((client.id for client in clients), key=self._runner.get_worker_index)
        self._members = {each: Member(each, worker, now) for worker, each in enumerate(ids)}
        self._deals = Deals(users)
        for member in self._members.values():
            self._send_plan(plan, member.client_id, member.worker)
        assert self.timeline is not None  # noqa: S101  # _begin has made it
        first, *later = self.timeline.stretches
        self._seated = self._deal(first)
        self._dealing = gevent.spawn(self._deal_later, plan, later)

    def _send_plan(self, plan: Plan, client_id: str, worker: int) -> None:
        data: PlanForWorker = {"plan": plan.to_message(), "worker": worker}
        self._runner.send_message(PLAN, dict(data), client_id)

    # Phases are dealt out.

    def _deal_later(self, plan: Plan, stretches: list[Stretch]) -> None:
        for stretch in stretches:
            gevent.sleep(max(stretch.begin_ns - DEAL_AHEAD_NS - monotonic_ns(), 0) / 1e9)
            before = self._deals.workers(stretch.index)
            workers = self._deal(stretch)
            self._spawn_ahead(plan, stretch, workers, before)

    def _deal(self, stretch: Stretch) -> tuple[int, ...]:
        """Decide which workers share a phase, tell them, and return their numbers."""
        workers = self._deals.decide(m.worker for m in self._members.values() if self._can_send(m))
        data: DealMessage = {"phase": stretch.index, "workers": workers}
        for member in self._of(workers):
            self._runner.send_message(DEAL, dict(data), member.client_id)
        return workers

    def _of(self, workers: tuple[int, ...]) -> list[Member]:
        return [member for member in self._members.values() if member.worker in workers]

    def _can_send(self, member: Member) -> bool:
        return member.account is None and self._connected(member)

    def _connected(self, member: Member) -> bool:
        client = self._runner.clients.get(member.client_id)
        return client is not None and client.state != STATE_MISSING

    def _nodes(self, workers: tuple[int, ...]) -> list[WorkerNode]:
        return [self._runner.clients[member.client_id] for member in self._of(workers) if self._connected(member)]

    def _spawn_ahead(self, plan: Plan, stretch: Stretch, workers: tuple[int, ...], before: tuple[int, ...]) -> None:
        """Spawn users on the workers that join with a phase, so that its first arrivals find users.

        The other workers keep theirs until the phase begins. Probe users come then, because two would send until then.
        """
        joining, run = [member for member in self._of(workers) if member.worker not in before], self._shape.run
        if not joining or run is None:
            return
        count = user_count(plan.scenario, stretch.phase, 0.0)
        users = users_by_worker(self._nodes(workers), run.classes, count)
        for member in joining:
            waiting = {name: n for name, n in users.get(member.client_id, {}).items() if name != "ProbeUser"}
            self._runner.send_message("spawn", spawn_message(self.environment, waiting), member.client_id)

    def _seat_users(self, phase: int) -> None:
        """Divide the users among the workers of a phase that begins, if others than before share it."""
        workers, dispatcher = self._deals.workers(phase), self._runner._users_dispatcher
        nodes = self._nodes(workers)
        if workers == self._seated or not nodes or not isinstance(dispatcher, Seating):
            return
        self._seated = workers
        dispatcher.seat(nodes)
        self._runner.shape_last_tick = None  # else Locust dispatches no users if their number is that of before

    def _gather(self, plan: Plan, grace_s: float) -> None:
        """Tell every worker to finish and wait for those that are connected. Raises NotValid if all were lost."""
        if self._dealing is not None:
            self._dealing.kill()
        for member in self._members.values():
            self._runner.send_message(FINISH, {"grace_s": grace_s}, member.client_id)
        finish_ns = monotonic_ns()
        self.environment.stop_timeout = 0
        while any(self._awaited(member, finish_ns, grace_s) for member in self._members.values()):
            gevent.sleep(0.02)
        unmark_run(plan.run_dir)
        self._tally = self._sum(plan, finish_ns)
        # A worker that died before it had a share has sent nothing, and nothing is missing.
        members = [m for m in self._members.values() if m.account is not None or self._deals.phases(m.worker)]
        self._workers = [self._describe(plan, member, finish_ns) for member in members]
        if members and all(member.account is None for member in members):
            raise NotValid("every worker was lost; the requests they had recorded are kept")

    def _sum(self, plan: Plan, finish_ns: int) -> Tally:
        """Add up the counts of all workers. Those of a worker that died are derived from its schedule and records."""
        tally, start_ns = Tally(), plan.clock.monotonic(plan.start_ns)
        for member in self._members.values():
            if member.account is None:
                due_s = self._deals.arrivals(plan, member.worker, self._deals.phases(member.worker))
                heard_s = (member.heard_ns - start_ns) / 1e9
                recorded = count_paced(shard_path(plan.run_dir, member.worker))
            else:
                tally.add(Tally.from_message(member.account["tally"]))
                due_s, heard_s, recorded = self._unsent(plan, member.worker, member.account), -inf, 0
            for due in tally.add_lost(due_s, heard_s, (finish_ns - start_ns) / 1e9, recorded):
                at = plan.scenario.phase_at(due)
                tally.missed_by_phase[plan.scenario.phases[-1 if at is None else at[0]].name] += 1
        return tally

    def _unsent(self, plan: Plan, worker: int, account: Account) -> Iterator[float]:
        """Return when a worker's arrivals were due that it did not hear of, or that came after it had failed."""
        heard_of = account["phases"]
        unheard = self._deals.arrivals(plan, worker, [at for at in self._deals.phases(worker) if at not in heard_of])
        if account["failure"] is None:
            return unheard
        return merge_sorted(islice(self._deals.arrivals(plan, worker, heard_of), account["arrivals"], None), unheard)

    def _awaited(self, member: Member, finish_ns: int, grace_s: float) -> bool:
        if not self._can_send(member):
            return False
        silent_since = max(member.heard_ns, finish_ns)
        return bool(monotonic_ns() < silent_since + (grace_s + PATIENCE_S) * 1e9)

    def _describe(self, plan: Plan, member: Member, finish_ns: int) -> WorkerInfo:
        account, phases, begins = member.account, self._deals.phases(member.worker), begins_s(plan.scenario)
        joined_s = begins[phases[0]] if phases else None
        if account is None:
            ended_ns = min(finish_ns, plan.clock.monotonic(plan.start_ns) + round(begins[phases[-1] + 1] * 1e9))
            missed_s = max(ended_ns - member.heard_ns, 0) / 1e9
            host = member.client_id.rsplit("_", 1)[0]
            return WorkerInfo(worker=member.worker, host=host, lost=True, missed_s=missed_s, joined_s=joined_s)
        return WorkerInfo(
            worker=member.worker,
            rows=Tally.from_message(account["tally"]).rows,
            lost=False,
            host=account["host"],
            clock=WorkerClock.model_validate(account["clock"]),
            failure=account["failure"],
            joined_s=joined_s,
        )

    # Messages of workers.

    def _on_clock(self, msg: Message, **_: object) -> None:
        data = {"asked_ns": msg.data["asked_ns"], "told_ns": self.clock.unix(monotonic_ns())}
        self._runner.send_message(CLOCK, data, msg.node_id)
        self._invite(msg.node_id)

    def _invite(self, client_id: str) -> None:
        """Send the plan to a worker that came late, once it has compared its clock and if a phase is left for it."""
        plan = self.plan
        if plan is None or not self._has_later_phase(plan):
            return
        self._asked[client_id] += 1
        if self._asked[client_id] != COMPARED or client_id in self._members:
            return
        self._invited[client_id] = len(self._members) + len(self._invited)
        self._send_plan(plan, client_id, self._invited[client_id])

    def _on_ready(self, msg: Message, **_: object) -> None:
        """Let a worker that came late share the phases that are not dealt out yet."""
        plan, worker = self.plan, self._invited.pop(msg.node_id, None)
        if plan is None or worker is None or self._gathering:
            return
        self._members[msg.node_id] = Member(msg.node_id, worker, monotonic_ns())
        if not self._has_later_phase(plan):
            print(f"tripcurve: worker {worker} was ready too late to have a share of a phase", file=sys.stderr)

    def _heard(self, msg: Message) -> Member | None:
        member = self._members.get(msg.node_id)
        if member is not None:
            member.heard_ns = monotonic_ns()
        return member

    def _on_counts(self, msg: Message, **_: object) -> None:
        member, live = self._heard(msg), self.live
        if member is None or live is None:
            return
        data: CountsMessage = msg.data
        live.add_counts(Counter({(second, kind): n for second, kind, n in data["counts"]}))
        live.last_end_s = max(live.last_end_s, data["last_end_s"])
        member.trips, member.open = data["trips"], data["open"]
        live.trips = max(each.trips for each in self._members.values())
        live.open = any(each.open for each in self._members.values())
        member.sightings = Sightings.from_message(data["sightings"])
        member.load = Load._make(data["load"])
        member.tokens = data["tokens"]
        live.tokens = Tokens.of_all(each.tokens for each in self._members.values())
        live.sightings.periods = merge([one for each in self._members.values() for one in each.sightings])

    def _on_rows(self, msg: Message, **_: object) -> None:
        member = self._heard(msg)
        if member is None or self.plan is None:
            return
        with shard_path(self.plan.run_dir, member.worker).open("ab") as file:
            file.write(msg.data["piece"])

    def _on_done(self, msg: Message, **_: object) -> None:
        member = self._heard(msg)
        if member is not None:
            member.account = msg.data


def _check_users(plan: Plan, workers: int) -> int:
    """Return the number of users that can send arrivals. Raises BadInput if there are fewer than workers."""
    users = sum(count for name, count in plan.scenario.users.items() if name != "ProbeUser")
    if users < workers:
        raise BadInput(f"scenario {plan.scenario.name}: users: {users} for {workers} workers; give each at least one")
    return users
