"""The simulator's methods on one core, beside SimPy and Ciw on the same model, and their growth.

The model: a breaker that trips on three 429s in 20 s and is open for 4 s; healthy for nine tenths of the time, then
one answer in a thousand fails, and at the end every one. CPU seconds are measured, in this process.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.fast.run import run_fast
from simulator.record import write_run
from simulator.virtual import run_virtual
from tests.benchmarks.peers.simulations import ciw_requests_s, simpy_requests_s
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

RATE, HIGH_RATE = 2_000.0, 20_000.0
"""At the high rate requests overtake each other on their way, so the rows have to be sorted."""
ROWS, COUNTS, SLOW = 10_000_000, 1_000_000_000, 20_000
GROWTH = (10**5, 10**6, 10**7, 10**8, 10**9)
WRITTEN = 5_000_000
LEAST_ROWS, LEAST_COUNTS = 20e6, 200e6


def rows() -> list[dict[str, Any]]:
    """Return requests per CPU second of each method and peer, then time and memory as the run grows."""
    run_fast(lab(), scenario(1000)).counts()  # imports and tables are not measured
    reference = requests_s(lambda: len(run_virtual(lab(), scenario(SLOW)).samples))
    fast_rows = requests_s(lambda: sum(map(len, run_fast(lab(), scenario(ROWS)).batches())))
    sorted_rows = requests_s(lambda: sum(map(len, run_fast(lab(), scenario(ROWS, HIGH_RATE)).batches())))
    counts = requests_s(lambda: run_fast(lab(), scenario(COUNTS)).counts().requests)
    found = [
        row("reference method", reference, "requests/s"),
        row("fast method, every request as a row", fast_rows, "requests/s", LEAST_ROWS, reference, "reference"),
        row(f"fast method, rows at {HIGH_RATE:,.0f}/s", sorted_rows, "requests/s", None, reference, "reference"),
        row("fast method, transitions and counts", counts, "requests/s", LEAST_COUNTS, reference, "reference"),
        row("fast method, run directory written", requests_s(written), "requests/s"),
    ]
    for name, peer in (("SimPy", simpy_requests_s), ("Ciw", ciw_requests_s)):
        speed = peer(SLOW, RATE)
        if speed is None:
            print(f"{name} is not installed, so it is not measured: pip install {name.lower()}", file=sys.stderr)
        else:
            found.append(row(f"{name}, the same model", speed, "requests/s", None, reference, "reference"))
    return found + growth()


def growth() -> list[dict[str, Any]]:
    """Return CPU seconds, and the process's largest memory so far, at each size."""
    found = []
    for size in GROWTH:
        begin = time.process_time()
        run_fast(lab(), scenario(size)).counts()
        found.append(row(f"counts of {size:.0e} requests", time.process_time() - begin, "s"))
        if size <= 10**8:
            begin = time.process_time()
            for _ in run_fast(lab(), scenario(size)).batches():
                pass
            found.append(row(f"rows of {size:.0e} requests", time.process_time() - begin, "s"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found.append(row(f"memory up to {size:.0e} requests", peak, "MiB"))
    return found


def written() -> int:
    """Write a run directory and return its number of requests."""
    run = run_fast(lab(), scenario(WRITTEN))
    with tempfile.TemporaryDirectory() as folder:
        return write_run(Path(folder) / "run", run.lab, run.scenario, run.events(), run.batches(), {})[1]


def requests_s(play: Callable[[], int]) -> float:
    """Return requests per CPU second: the best of three, since the machine is shared."""
    best = 0.0
    for _ in range(3):
        begin = time.process_time()
        played = play()
        best = max(best, played / (time.process_time() - begin))
    return best


def lab() -> Lab:
    """Return the lab that is measured."""
    rule = {"count": 3, "interval": 20, "status_codes": [429], "trip_duration": 4}
    backend = {"name": "m1", "latency": {"median_ms": 20, "p95_ms": 40}, "breaker": rule}
    return Lab.model_validate({"name": "bench", "gateway": {"name": "g"}, "backends": [backend]})


def scenario(size: int, rate: float = RATE) -> Scenario:
    """Return the scenario of about so many requests."""
    length = size / rate
    phases = [
        {"name": "healthy", "for": 0.9 * length, "rate": rate},
        {"name": "noise", "for": 0.05 * length, "rate": rate, "simulate": {"m1": {"status": 429, "share": 0.001}}},
        {"name": "fault", "for": 0.05 * length, "rate": rate, "simulate": {"m1": {"status": 429}}},
    ]
    return Scenario.model_validate({"name": "bench", "users": {"ChatUser": 1}, "phases": phases})


def row(
    name: str, value: float, unit: str, least: float | None = None, beside: float | None = None, peer: str | None = None
) -> dict[str, Any]:
    """Return one measurement as the other benchmarks write it."""
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "peer": peer,
        "ratio": None if beside is None else value / beside,
        "budget": None if least is None else f"≥ {least:,.0f} {unit}",
        "ok": None if least is None else value >= least,
    }
