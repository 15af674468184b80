"""How far the requests of a replayed trace are from their times in the trace, run by run, on one core."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from tests.benchmarks.loaders import Served, ours, row, run_to_end, server

RUNS, SECONDS, RATE = 10, 5, 100
MOST_MS = 1.0
SCENARIO = """
name: replay
users: {{ChatUser: 30}}
trace: {{file: {file}}}
phases: [{{name: all, for: {seconds}}}]
"""


def rows() -> list[dict[str, Any]]:
    """The median error of each run, in ms, which is printed as well; every run keeps to the budget, or it is missed."""
    with server() as served, tempfile.TemporaryDirectory() as folder:
        if served is None:
            return []
        due_s, file = _trace(Path(folder))
        medians = [_median_ms(served, due_s, file, number) for number in range(1, RUNS + 1)]
    worst = max(medians)
    return [
        row("replay, median error of sends, worst run", worst, "ms", budget=f"≤ {MOST_MS} ms", ok=worst <= MOST_MS),
        row("replay, median error of sends, median run", float(np.median(medians)), "ms"),
    ]


def _trace(folder: Path) -> tuple[npt.NDArray[np.float64], Path]:
    """A bursty trace: gaps with a coefficient of variation of 2. Its times from the first request, and its file."""
    gaps = np.random.default_rng(1).gamma(0.25, 4 / RATE, SECONDS * RATE)
    due_s = np.unique(np.round(np.cumsum(gaps) - gaps[0], 6))
    due_s = due_s[due_s < SECONDS - 0.01]
    path = folder / "trace.csv"
    path.write_text("time,prompt_tokens,completion_tokens\n" + "".join(f"{each:.6f},40,20\n" for each in due_s))
    return due_s, path


def _median_ms(served: Served, due_s: npt.NDArray[np.float64], file: Path, number: int) -> float:
    """The median over one run's requests of how far each was sent from its time in the trace."""
    with ours(served.url, SCENARIO.format(file=file, seconds=SECONDS), served) as (command, env, folder):
        run_to_end(command, env, SECONDS)
        table = pq.read_table(folder / "requests.parquet").sort_by("intended_ns")
        begin_ns = json.loads((folder / "run.json").read_text())["start_ns"]
    sent_s = (table["start_ns"].to_numpy() - begin_ns) / 1e9
    error_ms = np.abs(sent_s - due_s) * 1e3
    median = float(np.median(error_ms))
    p99 = float(np.percentile(error_ms, 99))
    print(f"run {number}: {len(due_s)} requests, median error {median:.3f} ms, p99 {p99:.3f} ms", file=sys.stderr)
    return median
