"""Whole runs with a master whose workers die and join under way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from reports.loading.run import load
from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from tests.locustfiles.running import Running, ended, own_host
from tests.locustfiles.servers import Gateway, serving

STEPS = [f"p{number}" for number in range(6)]
STEPWISE = f"""
name: long
users: {{ChatUser: 4}}
phases: [{", ".join(f"{{name: {step}, for: 2, rate: 100}}" for step in STEPS)}, {{name: closed, for: 0.5, users: 4}}]
"""
PROBED = """
name: long
users: {ChatUser: 4, ProbeUser: 2}
probe: {rate: 20}
phases: [{name: all, for: 9, rate: 20}]
"""


class Ended(NamedTuple):
    """A run that has ended, with its exit code and the master's messages."""

    running: Running
    code: int
    err: str


def change_workers(running: Running) -> Ended:
    """Kill one of two workers, and start another."""
    host = own_host()
    words = ("--master", "--expect-workers", "2", "--master-bind-host", host)
    master = running.drive(STEPWISE, *words)
    workers = [running.locust("--worker", "--master-host", host) for _ in range(2)]
    running.wait_for_rows(1)
    workers[0].send_signal(signal.SIGKILL)
    late = running.locust("--worker", "--master-host", host)
    code, _, err = ended(master)
    assert ended(late)[2].count("Traceback") == 0
    return Ended(running, code, err)


def lose_a_prober(running: Running) -> Ended:
    """Kill one of two workers, and have Locust give its users to the other."""
    host = own_host()
    words = ("--master", "--expect-workers", "2", "--master-bind-host", host, "--enable-rebalancing")
    master = running.drive(PROBED, *words)
    workers = [running.locust("--worker", "--master-host", host) for _ in range(2)]
    running.wait_for_rows(1)
    workers[0].send_signal(signal.SIGKILL)
    code, _, err = ended(master)
    return Ended(running, code, err)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    """Both runs, which mostly wait and so go on side by side."""
    begin = {"changed": change_workers, "prober": lose_a_prober}
    with ExitStack() as stack, ThreadPoolExecutor(len(begin)) as threads:
        made = {}
        for name in begin:
            gateway = Gateway()
            made[name] = Running(tmp_path_factory.mktemp(name), stack.enter_context(serving(gateway)), gateway)
            stack.callback(made[name].close)
        yield dict(zip(begin, threads.map(lambda name: begin[name](made[name]), begin), strict=True))


def test_a_worker_that_is_killed_is_reported_and_one_that_comes_late_joins_at_a_phase(runs: dict[str, Ended]) -> None:
    running, code, err = runs["changed"]
    assert code == 4, err
    assert "the load was not delivered" in err
    assert "connected after the start; it joins at the beginning of a later phase" in err
    rows, info = running.rows(), running.info()
    assert info["ended"]["kind"] == "completed"
    lost, kept, joined = sorted(info["workers"], key=lambda worker: (worker["joined_s"], not worker["lost"]))
    assert [worker["lost"] for worker in (lost, kept, joined)] == [True, False, False]
    assert joined["joined_s"] in range(2, 2 * len(STEPS) + 1, 2), "when a phase begins"
    unrecorded = running.gateway.served - len(rows)
    assert 0 <= unrecorded <= 50 * 1  # half of the load, for at most the second since the last flush
    pacing = info["pacing"]
    assert pacing["intended"] == pacing["sent"] + pacing["dropped"] + pacing["untold"] + pacing["missed"] == 1200
    assert sum(pacing["missed_by_phase"].values()) == pacing["missed"]
    noticed = 1 + max(STEPS.index(name) for name in pacing["missed_by_phase"])
    assert pacing["sent"] == (rows["intended_ns"] < rows["start_ns"]).sum()
    assert pacing["untold"] <= 50  # the half of the load since that worker's last message
    heard_s, expected = 2 * noticed - lost["missed_s"], 0.0
    for number in range(noticed):
        sharing = 3 if 2 * number >= joined["joined_s"] else 2
        expected += max(2 * number + 2 - max(2 * number, heard_s), 0) * 100 / sharing
    assert pacing["missed"] == pytest.approx(expected, abs=3)
    for step in STEPS[noticed:]:
        assert (rows["phase"] == step).sum() == 200, "the others share the phases after its death was noticed"
    senders = {name: set(part["worker"]) for name, part in rows.groupby("phase", observed=True)}
    for number, phase in enumerate((*STEPS, "closed")):
        late_share = {joined["worker"]} if 2 * number >= joined["joined_s"] else set()
        assert senders[phase] - {lost["worker"]} == {kept["worker"]} | late_share
    run = load(running.run_dir)
    notes = build_summary(run, analyse(run), []).notes
    assert f"worker {joined['worker']} joined {joined['joined_s']:.1f} s into the run" in notes
    missed = f"{pacing['missed']:,} of 1,200 arrivals were never sent"
    assert f"{missed}: the load went on without the worker that died" in notes


def test_a_probe_that_gets_a_new_user_does_not_catch_up_on_missed_times(runs: dict[str, Ended]) -> None:
    running, code, err = runs["prober"]
    assert (code, "the load was not delivered" in err) == (4, True), err
    rows, pacing = running.rows(), running.info()["pacing"]
    probes = rows[rows["user"] == "ProbeUser"]
    into_s = (probes["intended_ns"] - rows["intended_ns"].min()) / 1e9
    assert (into_s > 7.5).sum() > 40  # two pulses again
    assert pacing["dropped"] < 60  # the beats of the seconds before are some 100
