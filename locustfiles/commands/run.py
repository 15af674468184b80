"""`tripcurve run`: Locust in a child process, then the report in another.

The Locust process starts and stops the embedded local cloud, as it does under `locust -f`. This module checks the input
before anything starts, forwards Ctrl-C, and decides the exit code.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from locustfiles.conduct.interrupts import INTERRUPTS, held_back
from locustfiles.telemetry.choice import NO_EXPORTERS, Exporters
from tripcurve.errors import INTERRUPTED, BadInput, NotRecorded, TargetUnavailable
from tripcurve.lab import LABS, load_lab
from tripcurve.run.layout import RUNS, claim_run_dir, has_records
from tripcurve.run.lock import INHERITED, RunLock
from tripcurve.scenario import SCENARIOS
from tripcurve.scenario.checks import parse as parse_check
from tripcurve.scenario.replay import load_replay
from tripcurve.shipped import find_file
from tripcurve.target import check_target_name

__all__ = ["drive", "report", "run"]

Handler = Callable[[int, FrameType | None], object] | int | None
_IN_ORDER = (0, BadInput.exit_code, TargetUnavailable.exit_code, NotRecorded.exit_code, INTERRUPTED)
LOCUSTFILE = Path(__file__).parents[1] / "chat.py"


def run(
    lab: str,
    scenario: str,
    target: str,
    run_dir: Path | None,
    checks: list[str],
    as_json: bool,
    sharpen: bool = True,
    before_report: Callable[[Path], None] | None = None,
    trace: str = "",
    *,
    seed: int | None = None,
    quiet: bool = False,
    exporters: Exporters = NO_EXPORTERS,
) -> int:
    """Drive a scenario against a lab and report it. Returns the exit code.

    `run_dir` None: a new folder in runs. `as_json`: the report prints one JSON object. `sharpen` False: no dense
    probes. `before_report` is called with the folder once the traffic has ended. `trace`: a file that is sent again
    instead of the loads of the scenario's phases. `seed` None: the scenario's. `quiet`: print no report. `exporters`:
    who gets the figures while it is under way. Raises BadInput before anything is started or written.
    """
    the_lab = load_lab(lab)
    the_scenario, _ = load_replay(scenario, the_lab, trace)
    check_target_name(target, os.environ)
    exporters.check()
    for check in checks:
        parse_check(check)
    lock = None
    try:
        with held_back():
            lock = claim_run_dir(run_dir, the_lab.name, the_scenario.name)
        code = drive(lab, scenario, target, lock.folder, lock, sharpen, trace, seed, exporters)
        if has_records(lock.folder):
            if before_report is not None:
                before_report(lock.folder)
            reported = report(lock.folder, checks, as_json, quiet)
            return code if code else reported
    finally:
        if lock is not None:
            lock.release()
            _remove_if_empty(lock.folder)
    return code or TargetUnavailable.exit_code


def _remove_if_empty(folder: Path) -> None:
    """Remove the folder of a run that never began. A run that wrote anything keeps its folder."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        if folder.parent == RUNS and not any(folder.parent.iterdir()):
            folder.parent.rmdir()


def drive(
    lab: str,
    scenario: str,
    target: str,
    folder: Path,
    lock: RunLock | None = None,
    sharpen: bool = True,
    trace: str = "",
    seed: int | None = None,
    exporters: Exporters = NO_EXPORTERS,
) -> int:
    """Run Locust headless in a child process until the scenario ends. Returns an exit code of this command.

    `lock`: the lock on the folder, which the child inherits; None: the child takes the lock itself. `trace`: see `run`.
    `seed` None: the scenario's own.
    """
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--loglevel", "WARNING"]
    command += ["--lab", str(find_file(lab, LABS, ".yaml", "lab").resolve())]
    command += ["--scenario", str(find_file(scenario, SCENARIOS, ".yaml", "scenario").resolve())]
    command += ["--target", target, "--run-dir", str(folder), "--no-report"]
    command += [] if sharpen else ["--no-sharpen"]
    command += ["--trace", trace] if trace else []
    command += [] if seed is None else ["--scenario-seed", str(seed)]
    command += exporters.words()
    environment = exporters.environment(os.environ) | ({} if lock is None else {INHERITED: str(lock.fd)})
    usual = {number: signal.getsignal(number) for number in INTERRUPTS}
    with ExitStack() as until_waited:
        with held_back():  # an interrupt between the start and the handlers would leave the child running
            # In a session of its own the child does not get the terminal's Ctrl-C; this process forwards it.
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                start_new_session=True,
                pass_fds=() if lock is None else (lock.fd,),
                env=environment,
            )
            interrupts = until_waited.enter_context(_forwarded_to(child, usual))
        code = child.wait()
    if interrupts:
        return INTERRUPTED
    return code if code in _IN_ORDER else _unexpected_end(code, folder)


def _unexpected_end(code: int, folder: Path) -> int:
    """Print how the child ended, and return the exit code for an unexpected end."""
    how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended unexpectedly (exit code {code})"
    kept = f"the requests recorded until then are in {folder}" if has_records(folder) else "it had recorded nothing"
    remedy = "; was this machine out of memory?" if code == -signal.SIGKILL else ""
    print(f"tripcurve: the load generator {how}: {kept}{remedy}", file=sys.stderr)
    return NotRecorded.exit_code


@contextmanager
def _forwarded_to(child: subprocess.Popen[bytes], usual: Mapping[signal.Signals, Handler]) -> Iterator[list[int]]:
    """Forward the first interrupt to the child, and kill it at the second. Yields the interrupts so far.

    `usual`: the handlers to set afterwards.
    """
    interrupts: list[int] = []

    def pass_on(signum: int, frame: FrameType | None) -> None:
        interrupts.append(signum)
        if child.poll() is None:
            if len(interrupts) == 1:
                child.send_signal(signal.SIGINT)
            else:
                os.killpg(child.pid, signal.SIGKILL)

    for number in usual:
        signal.signal(number, pass_on)
    try:
        yield interrupts
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def report(folder: Path, checks: list[str], as_json: bool = False, quiet: bool = False) -> int:
    """Make a run's reports in a child process. Returns its exit code: 1 if a check failed. `quiet`: print nothing."""
    command = [sys.executable, "-m", "tripcurve.cli", "report", str(folder)]
    command += [word for check in checks for word in ("--check", check)]
    command += ["--json"] if as_json else []
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL if quiet else None).returncode
