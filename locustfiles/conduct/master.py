"""The main process of a distributed run: sends the plan to the workers and collects their counts and rows."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns

import gevent
from locust import User
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner, WorkerNode

from locustfiles.conduct.conductor import Conductor
from locustfiles.conduct.messages import CLOCK, COUNTS, DONE, FINISH, PLAN, ROWS, Account, CountsMessage
from locustfiles.conduct.plan import Plan
from locustfiles.live.counts import Live
from locustfiles.live.load import Load
from locustfiles.live.sightings import Sighting, Sightings, merge
from locustfiles.live.tokens import Tokens
from locustfiles.pacing.schedule import Share, arrivals
from locustfiles.recording.run_dir import mark_run, unmark_run
from locustfiles.recording.shards import count_paced
from locustfiles.recording.tally import Tally
from tripcurve.errors import BadInput, NotValid, TargetUnavailable
from tripcurve.run.info import WorkerClock, WorkerInfo
from tripcurve.run.layout import shard_path

__all__ = ["Master"]

PATIENCE_S = 30.0
"""How long a connected worker may be silent at the end, in addition to the grace time for its answers."""


@dataclass
class Member:
    """One worker in one run. `heard_ns`: monotonic ns of its last message. `account` None: it has not finished yet."""

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

    def attach(self) -> None:
        for kind, listener in (
            (CLOCK, self._on_clock),
            (COUNTS, self._on_counts),
            (ROWS, self._on_rows),
            (DONE, self._on_done),
        ):
            self._runner.register_message(kind, listener)
        self.environment.events.worker_connect.add_listener(self._on_worker_connect)
        self.environment.dispatcher_class = seating_for(self._takes_part)
        super().attach()

    @property
    def load(self) -> Load:
        return Load.of_all(member.load for member in self._members.values())

    def _takes_part(self, client_id: str) -> bool:
        """Return whether a worker has a part in the run. Those that connect after its start have no arrivals."""
        return self.plan is None or client_id in self._members

    def _on_worker_connect(self, client_id: str, **_: object) -> None:
        if not self._takes_part(client_id):
            print(
                f"tripcurve: worker {client_id} connected after the start; it takes part in the next run",
                file=sys.stderr,
            )

    def _launch(self, plan: Plan, live: Live) -> None:
        clients = [*self._runner.clients.ready, *self._runner.clients.running, *self._runner.clients.spawning]
        if not clients:
            raise TargetUnavailable("no worker is connected; start one with `locust -f locustfiles/chat.py --worker`")
        _check_users(plan, len(clients))
        # Locust sends this to workers whenever it spawns users. It keeps users from being stopped during a request.
        self.environment.stop_timeout = plan.scenario.timeout + 1
        mark_run(plan.run_dir, plan.start_ns)
        now = monotonic_ns()
        ids = sorted((client.id for client in clients), key=self._runner.get_worker_index)
        self._members = {each: Member(each, worker, now) for worker, each in enumerate(ids)}
        for member in self._members.values():
            data = {"plan": plan.to_message(), "worker": member.worker, "workers": len(ids)}
            self._runner.send_message(PLAN, data, member.client_id)

    def _gather(self, plan: Plan, grace_s: float) -> None:
        """Tell every worker to finish and wait for those that are connected. Raises NotValid if all were lost."""
        for member in self._members.values():
            self._runner.send_message(FINISH, {"grace_s": grace_s}, member.client_id)
        finish_ns = monotonic_ns()
        self.environment.stop_timeout = 0
        while any(self._awaited(member, finish_ns, grace_s) for member in self._members.values()):
            gevent.sleep(0.02)
        unmark_run(plan.run_dir)
        self._tally = self._sum(plan, finish_ns)
        self._workers = [self._describe(member, finish_ns) for member in self._members.values()]
        lost = [member for member in self._members.values() if member.account is None]
        if lost and len(lost) == len(self._members):
            raise NotValid("every worker was lost; the requests they had recorded are kept")

    def _sum(self, plan: Plan, finish_ns: int) -> Tally:
        """Add up the counts of all workers. Those of a worker that died are derived from its schedule and records."""
        tally, start_ns = Tally(), plan.clock.monotonic(plan.start_ns)
        for member in self._members.values():
            if member.account is not None:
                tally.add(Tally.from_message(member.account["tally"]))
                continue
            due_s = arrivals(plan.scenario, Share(member.worker, len(self._members)), plan.trace)
            heard_s, end_s = ((at_ns - start_ns) / 1e9 for at_ns in (member.heard_ns, finish_ns))
            recorded = count_paced(shard_path(plan.run_dir, member.worker))
            for due in tally.add_lost(due_s, heard_s, end_s, recorded):
                at = plan.scenario.phase_at(due)
                tally.missed_by_phase[plan.scenario.phases[-1 if at is None else at[0]].name] += 1
        return tally

    def _awaited(self, member: Member, finish_ns: int, grace_s: float) -> bool:
        if member.account is not None:
            return False
        client = self._runner.clients.get(member.client_id)
        if client is None or client.state == STATE_MISSING:
            return False
        silent_since = max(member.heard_ns, finish_ns)
        return bool(monotonic_ns() < silent_since + (grace_s + PATIENCE_S) * 1e9)

    def _describe(self, member: Member, finish_ns: int) -> WorkerInfo:
        account = member.account
        if account is None:
            missed_s = max(finish_ns - member.heard_ns, 0) / 1e9
            host = member.client_id.rsplit("_", 1)[0]
            return WorkerInfo(worker=member.worker, host=host, lost=True, missed_s=missed_s)
        return WorkerInfo(
            worker=member.worker,
            rows=Tally.from_message(account["tally"]).rows,
            lost=False,
            host=account["host"],
            clock=WorkerClock.model_validate(account["clock"]),
            failure=account["failure"],
        )

    # Messages of workers.

    def _on_clock(self, msg: Message, **_: object) -> None:
        data = {"asked_ns": msg.data["asked_ns"], "told_ns": self.clock.unix(monotonic_ns())}
        self._runner.send_message(CLOCK, data, msg.node_id)

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


def _check_users(plan: Plan, workers: int) -> None:
    """Check that every worker gets a user, since each has a share of the arrivals. Raises BadInput."""
    users = sum(count for name, count in plan.scenario.users.items() if name != "ProbeUser")
    if users < workers:
        raise BadInput(f"scenario {plan.scenario.name}: users: {users} for {workers} workers; give each at least one")


def seating_for(takes_part: Callable[[str], bool]) -> type[UsersDispatcher]:
    """Return a Locust dispatcher that spawns users only on workers with a part in the run.

    Without it Locust would move users to a worker that connects late, where they would send nothing. `takes_part`:
    returns whether the worker with this id has a part now.
    """

    class Seating(UsersDispatcher):
        def __init__(self, worker_nodes: list[WorkerNode], user_classes: list[type[User]]) -> None:
            super().__init__([node for node in worker_nodes if takes_part(node.id)], user_classes)

        def add_worker(self, worker_node: WorkerNode) -> None:
            if takes_part(worker_node.id):
                super().add_worker(worker_node)

    return Seating
