"""Start-up: `tripcurve --help`, and `tripcurve run` to its first request."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc

ROUNDS = 5
LONGEST_WAIT_S = 60


def rows() -> list[dict[str, Any]]:
    """Medians over ROUNDS, in seconds, against the budgets of 0.3 s and 4 s."""
    help_s = statistics.median(_help_s() for _ in range(ROUNDS))
    first_s = statistics.median(_first_request_s() for _ in range(ROUNDS))
    return [_row("tripcurve --help", help_s, 0.3), _row("tripcurve run to first request", first_s, 4.0)]


def _row(name: str, seconds: float, budget: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": seconds,
        "unit": "s",
        "peer": None,
        "ratio": None,
        "budget": f"≤ {budget} s",
        "ok": seconds <= budget,
    }


def _help_s() -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "tripcurve.cli", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _first_request_s() -> float:
    """Wall time from the start of the command to the start of the first recorded request."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        begin_ns = time.time_ns()
        process = subprocess.Popen(
            [sys.executable, "-m", "tripcurve.cli", "run", "--run-dir", str(run)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return (_first_start_ns(run / "requests-0.arrows", process) - begin_ns) / 1e9
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=LONGEST_WAIT_S)


def _first_start_ns(shard: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with ipc.open_stream(shard) as stream:
                batch = stream.read_next_batch()
                if len(batch):
                    return int(min(batch.column("start_ns").to_pylist()))
        except (OSError, pa.ArrowInvalid, StopIteration):
            time.sleep(0.1)
    raise RuntimeError("the run recorded no request")
