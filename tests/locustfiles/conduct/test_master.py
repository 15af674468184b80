"""The main process deals phases out to workers that come and go, and accounts for every arrival."""

from __future__ import annotations

import random
from argparse import Namespace
from math import inf
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust.runners import STATE_MISSING, STATE_RUNNING

from locustfiles.conduct.deals import Deals, share_of
from locustfiles.conduct.master import Master, Member
from locustfiles.conduct.messages import DEAL, PLAN, Account
from locustfiles.conduct.plan import Plan
from locustfiles.live.counts import Live
from locustfiles.pacing.clock import Clock
from locustfiles.pacing.schedule import Share, phase_arrivals
from locustfiles.pacing.timeline import Timeline
from locustfiles.recording.tally import Tally
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario
from tripcurve.scenario.trace import Trace
from tripcurve.target import Target

START_NS = 10**18
LAB = Lab.model_validate({"name": "l", "gateway": {"name": "g"}, "backends": [{"name": "m1"}]})
TARGET = Target.model_validate(
    {"gateway_url": "http://127.0.0.1:8080", "api_key": "k", "deployment": "d", "api_version": "v1", "kind": "url"}
)
PHASES = [
    {"name": "one", "for": 2, "rate": 9},
    {"name": "closed", "for": 1, "users": 2},
    {"name": "ramp", "for": 3, "rate": {"from": 2, "to": 11}},
    {"name": "short", "for": 0.3, "rate": 4},
    {"name": "last", "for": 2, "rate": 7},
]
KINDS: list[Any] = ["constant", "poisson", {"gamma": {"cv": 3}}, "trace"]


def plan_of(arrivals: Any) -> Plan:
    fields: dict[str, Any] = {"name": "s", "users": {"ChatUser": 9}, "phases": PHASES, "arrivals": arrivals}
    trace = None
    if arrivals == "trace":
        fields |= {"arrivals": "constant", "trace": {"file": "t.csv"}}
        fields["phases"] = [{"name": each["name"], "for": each["for"]} for each in PHASES]
        due_ns = np.arange(90) ** 2 * 1_300_000
        trace = Trace(due_ns, np.zeros(90, np.int32), np.zeros(90, np.int32))
    clock = Clock(START_NS, 0, None)
    scenario = Scenario.model_validate(fields)
    return Plan(TARGET, LAB, scenario, Path("nowhere"), START_NS, clock, trace)


class Runner:
    """A master's runner: the workers that are connected, and the messages to them."""

    def __init__(self) -> None:
        self.clients: dict[str, Namespace] = {}
        self.sent: list[tuple[str, dict[str, Any], str]] = []

    def send_message(self, kind: str, data: dict[str, Any], client_id: str) -> None:
        self.sent.append((kind, data, client_id))


class Run:
    """A run of a master whose workers are only names."""

    def __init__(self, arrivals: Any = "constant", users: int = 9) -> None:
        self.plan, self.runner = plan_of(arrivals), Runner()
        environment = Namespace(parsed_options=Namespace(target="local"))
        self.master = Master(cast(Any, environment), cast(Any, self.runner))
        self.master.plan, self.master._deals = self.plan, Deals(users)
        self.master.timeline = self.timeline = Timeline(self.plan.scenario, 0)

    def join(self) -> None:
        worker = len(self.master._members)
        self.master._members[f"w_{worker}"] = Member(f"w_{worker}", worker, 0)
        self.connect(f"w_{worker}")

    def connect(self, client_id: str, state: str = STATE_RUNNING) -> None:
        self.runner.clients[client_id] = Namespace(id=client_id, state=state)

    def told(self, worker: int) -> list[tuple[int, Share]]:
        """The shares that a worker was told of, by phase."""
        sent = [data for kind, data, client in self.runner.sent if (kind, client) == (DEAL, f"w_{worker}")]
        return [(data["phase"], share_of(data["workers"], worker)) for data in sent]

    def due(self, worker: int, phase: int, share: Share) -> list[float]:
        return list(phase_arrivals(self.plan.scenario, phase, worker, share, self.plan.trace))


def account(sent: int, phases: list[int], failure: str | None = None) -> Account:
    tally = Tally(intended=sent, sent=sent).to_message()
    return {"tally": tally, "phases": phases, "arrivals": sent, "host": "h", "clock": {}, "failure": failure}


@given(kind=st.sampled_from(KINDS), rng=st.randoms(use_true_random=False))
def test_each_arrival_has_one_owner_and_is_sent_missed_or_untold_whoever_joins_or_dies(
    kind: Any, rng: random.Random
) -> None:
    run = Run(kind, users=rng.randint(1, 6))
    for stretch in run.timeline.stretches:
        for _ in range(rng.randint(0 if stretch.index else 1, 2)):
            run.join()
        for client in run.runner.clients.values():
            client.state = rng.choice([STATE_RUNNING, STATE_RUNNING, STATE_MISSING if stretch.index else STATE_RUNNING])
        run.master._deal(stretch)
    owned, missed, end_s = list[float](), 0, run.timeline.duration_s
    for member in run.master._members.values():
        dead, failed, lost_deals, phases = rng.random() < 0.3, rng.random() < 0.2, rng.random() * 0.5, list[int]()
        told = list[float]()
        member.heard_ns = round(rng.uniform(-1, end_s) * 1e9)
        heard_s = member.heard_ns / 1e9 if dead else inf
        for phase, share in run.told(member.worker):
            due = run.due(member.worker, phase, share)
            owned += due
            got = dead or rng.random() >= lost_deals
            missed += sum(at >= heard_s for at in due) if got else len(due)
            told += due if got else []
            phases += [phase] if got else []
        if not dead:
            sent = rng.randint(0, len(told)) if failed else len(told)
            missed += len(told) - sent
            member.account = account(sent, phases, "a full disk" if failed else None)
    total = run.master._sum(run.plan, run.timeline.end_ns)
    assert total.intended == len(owned) == total.sent + total.untold + total.missed
    assert total.missed == missed == total.missed_by_phase.total()
    if kind != "poisson":  # there the workers' own processes make up the schedule
        whole = [at for phase in range(len(PHASES)) for at in run.due(0, phase, Share())]
        assert sorted(owned) == whole
        assert len(whole) > 20


def test_a_worker_that_comes_late_is_invited_when_it_has_compared_its_clock_and_joins_when_it_is_ready() -> None:
    run = Run()
    run.join()
    first, second, third = run.timeline.stretches[:3]
    run.master._deal(first)
    run.connect("w_1")
    asked = cast(Any, Namespace(node_id="w_1", data={"asked_ns": 1}))
    invitations = list[int]()
    for _ in range(4):
        run.master._on_clock(asked)
        invitations.append(sum((kind, client) == (PLAN, "w_1") for kind, _, client in run.runner.sent))
    assert invitations == [0, 1, 1, 1]
    assert run.master._deal(second) == (0,)
    assert not run.master._takes_part("w_1")
    run.master._on_ready(asked)
    assert run.master._deal(third) == (0, 1)
    assert run.told(1) == [(2, Share(1, 2))]


def test_a_worker_that_comes_when_no_phase_is_left_is_not_invited(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run()
    run.join()
    run.master._on_worker_connect("w_1")
    for stretch in run.timeline.stretches:
        run.master._deal(stretch)
    run.master._on_worker_connect("w_2")
    late = cast(Any, Namespace(node_id="w_2", data={"asked_ns": 1}))
    for _ in range(3):
        run.master._on_clock(late)
    assert {kind for kind, _, client in run.runner.sent if client == "w_2"} == {"tripcurve-clock"}
    joins, too_late = capsys.readouterr().err.splitlines()
    assert "joins at the beginning of a later phase" in joins
    assert "takes part in the next run" in too_late


def test_a_worker_that_reconnects_at_the_end_of_a_run_is_told_of_no_later_phase(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Run()
    run.join()
    run.master._deal(run.timeline.stretches[0])
    run.master._gathering = True
    run.master._on_worker_connect("w_1")
    assert "it takes part in the next run" in capsys.readouterr().err


def test_a_run_that_cannot_start_has_no_counts_of_the_run_before() -> None:
    run = Run()
    run.join()
    run.master._deal(run.timeline.stretches[0])
    run.master._members["w_0"].account = account(7, [0])
    nodes = [Namespace(id=f"w_{number}") for number in range(10)]
    run.runner.clients = cast(Any, Namespace(ready=nodes, running=[], spawning=[]))
    with pytest.raises(BadInput, match="users: 9 for 10 workers"):
        run.master._launch(run.plan, Live(START_NS))
    assert run.master._sum(run.plan, run.timeline.end_ns).to_message() == Tally().to_message()


def test_the_rows_of_run_json_say_when_each_worker_joined_and_what_a_dead_one_missed() -> None:
    run = Run()
    run.join()
    run.join()
    for stretch in run.timeline.stretches:
        run.runner.clients["w_0"].state = STATE_MISSING if stretch.index > 2 else STATE_RUNNING
        run.runner.clients["w_1"].state = STATE_RUNNING if stretch.index else STATE_MISSING
        run.master._deal(stretch)
    dead, late = run.master._members.values()
    dead.heard_ns = 5_000_000_000
    late.account = account(0, [])
    infos = [run.master._describe(run.plan, member, run.timeline.end_ns) for member in (dead, late)]
    assert [info.joined_s for info in infos] == [0.0, 2.0]
    assert infos[0].missed_s == 1.0, "its last phase ended at 6 s"
