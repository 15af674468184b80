"""Injects one fault into a whole run and says what was sent, what was kept, and what was left behind."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from reports.loading.run import load
from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from tests.faults.processes import PATIENCE_S, Processes
from tests.faults.targets import FAULTS, LIES, Misbehaving
from tests.locustfiles.running import LOCUSTFILE, own_host
from tests.locustfiles.servers import Behaviour, Gateway, serving
from tripcurve.errors import BadInput
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import shard_paths
from tripcurve.run.lock import RunLock
from tripcurve.run.summary import Verdict

__all__ = [
    "KINDS",
    "LENGTH_S",
    "RATE",
    "VICTIMS",
    "Fault",
    "Outcome",
    "inject",
    "left_in",
    "nothing_half_written",
    "random_fault",
]

RATE = 80
LENGTH_S = 4.0
SCENARIO = f"""
name: fault
timeout: 2
users: {{ChatUser: 8}}
phases: [{{name: all, for: {LENGTH_S}, rate: {RATE}}}]
"""
FLUSHED_S = 1.0
"""A killed process, or a full disk, may cost the rows of so many seconds (docs/reliability.md)."""
WITHOUT_REPORT = """
import sys
from pathlib import Path
from locustfiles.commands import run
run.report = lambda *_, **__: 0  # the report's judgement is made in the test's process
sys.exit(run.run("quick", "scenario.yaml", sys.argv[1], Path("run"), [], False))
"""
"""`tripcurve run` without the process that draws and writes the report, which would take most of the time."""

_LOCAL = {
    "unit": "provision.local.gateway",
    "mock": "provision.local.mock",
    "control plane": "tripcurve.cli local",
}
"""Processes of the local cloud, by a part of their command line."""
_DISTRIBUTED = ("worker", "master")
VICTIMS = ("generator", *_DISTRIBUTED, *_LOCAL)
_DISKS = ("full disk", "slow disk", "read-only folder")
_TARGETS = ("target refuses", "target hangs", "target resets", "target lies")
KINDS = (*VICTIMS, *_DISKS, *_TARGETS, "clock step")


@dataclass(frozen=True)
class Fault:
    """A fault of one of `KINDS`, so long after the first rows are on disk.

    `detail`: the lie of a target (a key of `LIES`), or the seconds of a slow disk's flush or of a clock's step.
    """

    kind: str
    at_s: float
    detail: str = ""


def random_fault(rng: random.Random) -> Fault:
    """Return a fault of any kind at any instant of the run."""
    kind, at_s = rng.choice(KINDS), round(rng.uniform(0, LENGTH_S - 0.5), 3)
    details = {"target lies": sorted(LIES), "slow disk": ["0.1", "0.4", "0.9"], "clock step": ["3600", "-3600", "-0.5"]}
    return Fault(kind, at_s, rng.choice(details.get(kind, [""])))


@dataclass
class Outcome:
    """One fault's outcome. `sent`: requests that reached the target, or that the pacing counted.

    `failed`: the share of recorded requests without a sound answer. `unsent`: the share of arrivals that were never
    sent. `span_s`: from the first request to the last. `left`: what outlived the run: processes, a held lock, files
    that are not whole.
    """

    fault: Fault
    code: int
    messages: str
    sent: int = 0
    recorded: int = 0
    failed: float = 0.0
    unsent: float = 0.0
    span_s: float = 0.0
    info: RunInfo = field(default_factory=RunInfo.of_killed_run)
    verdict: Verdict | None = None
    unreadable: str | None = None
    left: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return self.sent - self.recorded

    @property
    def may_lose(self) -> int:
        """The rows that this fault may lose: those of the last flush's interval, of the processes that were killed."""
        share = {"generator": 1.0, "worker": 0.5, "full disk": 1.0}.get(self.fault.kind, 0.0)
        return int(share * RATE * FLUSHED_S)

    @property
    def exit_code(self) -> int:
        """The exit code of `tripcurve run`: the traffic's own, or else the report's."""
        return self.code or (0 if self.verdict is None else self.verdict.exit_code)

    def problems(self) -> list[str]:
        """Return each promise of docs/reliability.md that the outcome breaks."""
        found = [] if self.unreadable is None else [f"the report is not readable: {self.unreadable}"]
        if not 0 <= self.lost <= self.may_lose:
            found.append(f"{self.lost} rows lost of {self.sent}; at most {self.may_lose} may be")
        if self.exit_code not in self._codes():
            found.append(f"exit code {self.exit_code}, expected one of {sorted(self._codes())}; {self.verdict}")
        if self.code in (3, 4) and self.verdict is not None and self.verdict.exit_code != self.code:
            found.append(f"exit code {self.code} of the traffic, but the report's verdict is {self.verdict}")
        if "Traceback" in self.messages:
            found.append(f"a traceback: {self.messages[-2000:]}")
        return found + [f"left behind: {line}" for line in self.left]

    def _codes(self) -> set[int]:
        kind = self.fault.kind
        if kind == "master":
            return {-signal.SIGKILL}  # nobody is left who could say it
        if kind in ("generator", "full disk", "read-only folder"):
            return {4}
        if kind == "worker":
            return {4} if self.lost or self.unsent else {0, 4}  # killed after it had sent its last row
        if kind in _LOCAL:
            return {3} if self.failed else {0, 3}  # killed after the last answer
        if kind in ("slow disk", "clock step"):
            return {4} if self.unsent > 0.05 else {0}
        if self.failed > 0.05 or self.unsent > 0.05:
            return {3, 4}
        return {0, 3}


def inject(fault: Fault, folder: Path) -> Outcome:
    """Start a run in `folder`, inject the fault and wait until everything has ended."""
    folder.mkdir(parents=True)
    (folder / "scenario.yaml").write_text(SCENARIO)
    with ExitStack() as stack:
        run = _Run(Processes(folder, stack), stack)
        return run.distributed(fault) if fault.kind in _DISTRIBUTED else run.alone(fault)


class _Run:
    def __init__(self, processes: Processes, stack: ExitStack) -> None:
        self._processes, self._stack = processes, stack

    def alone(self, fault: Fault) -> Outcome:
        """`tripcurve run`, or Locust alone with a faulty disk or clock, against this process or the local cloud."""
        gateway = Gateway()
        if fault.kind in ("slow disk", "clock step"):
            name = "SLOW_DISK_S" if fault.kind == "slow disk" else "CLOCK_STEP_S"
            process = self._locust("run", "--headless", *self._where(gateway), faulty={name: fault.detail} | _at(fault))
            return self._outcome(fault, process, gateway)
        target, act = self._target_and_act(fault, gateway)
        process = self._processes.start("run", "-c", WITHOUT_REPORT, target)
        self._processes.wait_for_rows(1)
        time.sleep(fault.at_s)
        act()
        return self._outcome(fault, process, gateway if target != "local" and fault.kind not in _TARGETS else None)

    def _target_and_act(self, fault: Fault, gateway: Gateway) -> tuple[str, Callable[[], None]]:
        """Return the target of a run, and the function that injects the fault."""
        if fault.kind in _LOCAL:
            return "local", lambda: self._kill(_LOCAL[fault.kind])
        if fault.kind == "target refuses":
            refusing, ending = Misbehaving(FAULTS["closes"]), self._stack.enter_context(ExitStack())
            target = f"http://127.0.0.1:{ending.enter_context(serving(refusing))}"
            return target, lambda: (refusing.turn(), ending.close())[1]
        if fault.kind in _TARGETS:
            turning = Misbehaving(FAULTS[fault.detail or fault.kind.removeprefix("target ")])
            return self._serve(turning), turning.turn
        acts = {
            "generator": lambda: self._kill("-m locust"),
            "full disk": self._fill_disk,
            "read-only folder": lambda: self._processes.run_dir.chmod(0o555),
        }
        return self._serve(gateway), acts[fault.kind]

    def _kill(self, part: str) -> None:
        os.kill(self._processes.find(part), signal.SIGKILL)

    def _fill_disk(self) -> None:
        """No file grows beyond the present size of the largest one: a limit stands for the disk's end."""
        size = max(path.stat().st_size for path in shard_paths(self._processes.run_dir))
        resource.prlimit(self._processes.find("-m locust"), resource.RLIMIT_FSIZE, (size, size))

    def distributed(self, fault: Fault) -> Outcome:
        """A master and two workers under Locust."""
        host, gateway = own_host(), Gateway()
        role = ["--headless", "--master", "--expect-workers", "2", "--master-bind-host", host]
        master = self._locust("master", *role, *self._where(gateway))
        workers = [self._locust(f"worker-{n}", "--worker", "--master-host", host) for n in range(2)]
        self._processes.wait_for_rows(2)
        time.sleep(fault.at_s)
        (master if fault.kind == "master" else workers[0]).kill()
        return self._outcome(fault, master, gateway)

    def _where(self, gateway: Gateway) -> list[str]:
        return ["--scenario", "scenario.yaml", "--run-dir", "run", "--no-report", "--target", self._serve(gateway)]

    def _locust(self, name: str, *words: str, faulty: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        file = LOCUSTFILE if faulty is None else Path(__file__).with_name("faulty.py")
        command = ["-m", "locust", "-f", str(file), "--loglevel", "WARNING", *words]
        return self._processes.start(name, *command, **(faulty or {}))

    def _serve(self, behave: Behaviour) -> str:
        return f"http://127.0.0.1:{self._stack.enter_context(serving(behave))}"

    def _outcome(self, fault: Fault, process: subprocess.Popen[bytes], gateway: Gateway | None) -> Outcome:
        """`gateway` None: the target does not count; the pacing of run.json does."""
        code, folder = process.wait(PATIENCE_S), self._processes.run_dir
        left = self._processes.left()
        folder.chmod(0o755)
        outcome = Outcome(fault, code, self._processes.messages(), left=left + left_in(folder))
        try:
            run = load(folder)
            summary = build_summary(run, analyse(run), [])
        except (BadInput, OSError) as error:
            outcome.unreadable = str(error)
            return outcome
        total = max(run.tally.total, 1)
        outcome.recorded, outcome.verdict = run.tally.total, summary.verdict
        outcome.info, outcome.span_s = run.info, run.duration_s
        outcome.failed = 1 - run.tally.count("2xx") / total
        outcome.sent = _sent(folder) if gateway is None else gateway.served
        pacing = run.info.pacing
        if pacing is not None and pacing.intended:
            outcome.unsent = ((pacing.missed or 0) + (pacing.dropped or 0)) / pacing.intended
        return outcome


def _at(fault: Fault) -> dict[str, str]:
    return {"FAULT_AT_S": str(fault.at_s)}


def _sent(folder: Path) -> int:
    info = RunInfo.read(folder)
    assert info is not None, "run.json is missing though the generator lived"
    assert info.pacing is not None
    return info.pacing.sent or 0


def left_in(folder: Path) -> list[str]:
    """Return what a run left in its folder and should not have: a lock that is held, a file that is not whole."""
    found = []
    try:
        RunLock.take(folder).release()
        nothing_half_written(folder)
    except (BadInput, OSError, ValueError) as error:
        found.append(f"{type(error).__name__}: {error}")
    return found


def nothing_half_written(folder: Path) -> None:
    """Raise ValueError or OSError unless each file under its final name is whole."""
    for path in folder.glob("*.json"):
        json.loads(path.read_text())
    for path in folder.glob("*.parquet"):
        pq.ParquetFile(path).close()
