"""Injects one fault into a whole run and says what was sent, what was kept, and what was left behind."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reports.loading.run import load
from reports.statistics.summary import summarise
from reports.trips.analysis import analyse
from tests.locustfiles.servers import Gateway, serving
from tripcurve.errors import BadInput
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import shard_paths

__all__ = ["LENGTH_S", "RATE", "VICTIMS", "Fault", "Outcome", "inject", "random_fault"]

RATE = 80
LENGTH_S = 4.0
SCENARIO = f"""
name: fault
timeout: 2
users: {{ChatUser: 8}}
phases: [{{name: all, for: {LENGTH_S}, rate: {RATE}}}]
"""
FLUSHED_S = 1.0
"""A killed process may lose the rows of so many seconds (docs/reliability.md)."""
MARK = "TRIPCURVE_FAULT"
PATIENCE_S = 240.0
LEAVING_S = 75.0
"""How long processes that lost their parent may take to notice it."""

_LOCAL = {
    "unit": "provision.local.gateway",
    "mock": "provision.local.mock",
    "control plane": "tripcurve.cli local",
}
"""Processes of the local cloud, by a part of their command line."""
_DISTRIBUTED = ("worker", "master")
VICTIMS = ("generator", *_DISTRIBUTED, *_LOCAL)


@dataclass(frozen=True)
class Fault:
    """Kill the `victim` so long after the first rows are on disk."""

    victim: str
    at_s: float


def random_fault(rng: random.Random) -> Fault:
    """Return a fault of any kind at any instant of the run."""
    return Fault(rng.choice(VICTIMS), round(rng.uniform(0, LENGTH_S - 0.5), 3))


@dataclass
class Outcome:
    """One fault's outcome. `sent`: requests that reached the target, or that the pacing counted.

    `unanswered`: the share of recorded requests without a response. `unsent`: the share of arrivals that were never
    sent. `left`: processes that outlived the run.
    """

    fault: Fault
    code: int
    messages: str
    sent: int = 0
    recorded: int = 0
    unanswered: float = 0.0
    unsent: float = 0.0
    verdict: dict[str, Any] = field(default_factory=dict)
    unreadable: str | None = None
    left: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return self.sent - self.recorded

    @property
    def may_lose(self) -> int:
        """The rows that this fault may lose: those of the last flush's interval, of the processes that were killed."""
        share = {"generator": 1.0, "worker": 0.5}.get(self.fault.victim, 0.0)
        return int(share * RATE * FLUSHED_S)

    def problems(self) -> list[str]:
        """Return each promise of docs/reliability.md that the outcome breaks."""
        found = []
        if self.unreadable is not None:
            found.append(f"the report is not readable: {self.unreadable}")
        if not 0 <= self.lost <= self.may_lose:
            found.append(f"{self.lost} rows lost of {self.sent}; at most {self.may_lose} may be")
        if self.code not in self._codes():
            found.append(f"exit code {self.code}, expected one of {sorted(self._codes())}")
        if "Traceback" in self.messages:
            found.append(f"a traceback: {self.messages[-2000:]}")
        return found + [f"left running: {line}" for line in self.left]

    def _codes(self) -> set[int]:
        if self.fault.victim == "master":
            return {-signal.SIGKILL}  # nobody is left who could say it
        if self.fault.victim == "generator":
            return {4}
        if self.fault.victim == "worker":
            return {4} if self.unsent > 0.05 else {0, 4}
        return {3, 4} if self.unanswered > 0.05 else {0, 3, 4}


def inject(fault: Fault, folder: Path) -> Outcome:
    """Start a run in `folder`, inject the fault and wait until everything has ended."""
    folder.mkdir(parents=True)
    (folder / "scenario.yaml").write_text(SCENARIO)
    mark = uuid.uuid4().hex
    with ExitStack() as stack:
        run = _Run(folder, mark, stack)
        return run.distributed(fault) if fault.victim in _DISTRIBUTED else run.alone(fault)


class _Run:
    """One run's processes, known by a mark in their environment."""

    def __init__(self, folder: Path, mark: str, stack: ExitStack) -> None:
        self.folder, self.run_dir, self.mark = folder, folder / "run", mark
        self._stack = stack

    def alone(self, fault: Fault) -> Outcome:
        """`tripcurve run`, against a gateway of this process or the local cloud."""
        gateway = None if fault.victim in _LOCAL else Gateway()
        target = "local" if gateway is None else self._serve(gateway)
        words = ["tripcurve.cli", "run", "quick", "--scenario", "scenario.yaml", "--run-dir", "run", "--target", target]
        process = self._start("run", *words)
        self._wait_for_rows(1)
        time.sleep(fault.at_s)
        os.kill(self._find(_LOCAL.get(fault.victim, "-m locust")), signal.SIGKILL)
        return self._outcome(fault, process, gateway)

    def distributed(self, fault: Fault) -> Outcome:
        """A master and two workers under Locust."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = str(listener.getsockname()[1])
        gateway = Gateway()
        where = ["--scenario", "scenario.yaml", "--run-dir", "run", "--target", self._serve(gateway)]
        locust = ["locust", "-f", str(Path("locustfiles/chat.py").resolve()), "--loglevel", "WARNING"]
        role = ["--headless", "--master", "--expect-workers", "2", "--master-bind-port", port]
        master = self._start("master", *locust, *role, *where)
        workers = [self._start(f"worker-{n}", *locust, "--worker", "--master-port", port) for n in range(2)]
        self._wait_for_rows(2)
        time.sleep(fault.at_s)
        (master if fault.victim == "master" else workers[0]).kill()
        return self._outcome(fault, master, gateway)

    def _serve(self, gateway: Gateway) -> str:
        return f"http://127.0.0.1:{self._stack.enter_context(serving(gateway))}"

    def _start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env={**os.environ, "TRIPCURVE_API_KEY": "k", MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self._stack.callback(process.wait, 30)
        self._stack.callback(self._end_all)
        return process

    def _wait_for_rows(self, processes: int) -> None:
        """Wait until each of so many processes has flushed once; a stream's head alone is smaller than 4,000 bytes."""
        deadline = time.monotonic() + PATIENCE_S
        while len([path for path in shard_paths(self.run_dir) if path.stat().st_size > 4000]) < processes:
            assert time.monotonic() < deadline, f"no rows came: {self._messages()}"
            time.sleep(0.02)

    def _marked(self) -> Iterator[tuple[int, str]]:
        """Yield the id and the command line of each live process of this run."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() not in (process / "environ").read_bytes():
                    continue
                if (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    yield int(process.name), line
            except OSError:
                continue  # it has ended meanwhile

    def _find(self, part: str) -> int:
        found = [pid for pid, line in self._marked() if part in line]
        assert len(found) == 1, f"{part}: {list(self._marked())}"
        return found[0]

    def _end_all(self) -> None:
        for pid, _ in self._marked():
            os.kill(pid, signal.SIGKILL)

    def _messages(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def _outcome(self, fault: Fault, process: subprocess.Popen[bytes], gateway: Gateway | None) -> Outcome:
        code = process.wait(PATIENCE_S)
        deadline = time.monotonic() + LEAVING_S
        while (left := list(self._marked())) and time.monotonic() < deadline:
            time.sleep(0.05)
        outcome = Outcome(fault, code, self._messages(), left=[line for _, line in left])
        try:
            run = load(self.run_dir)
            summary = summarise(run, analyse(run), [])
        except (BadInput, OSError) as error:
            outcome.unreadable = str(error)
            return outcome
        outcome.recorded, outcome.verdict = run.tally.total, summary.get("verdict", {})
        outcome.unanswered = summary["requests"]["by_status"].get("0", 0) / max(run.tally.total, 1)
        outcome.sent = _sent(self.run_dir) if gateway is None else gateway.served
        pacing = run.info.pacing
        if pacing is not None and pacing.intended:
            outcome.unsent = (pacing.missed or 0) / pacing.intended
        return outcome


def _sent(folder: Path) -> int:
    info = RunInfo.read(folder)
    assert info is not None, "run.json is missing though the generator lived"
    assert info.pacing is not None
    return info.pacing.sent or 0
