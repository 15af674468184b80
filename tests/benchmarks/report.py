"""The report of a large run: time, memory, linearity, beside a plain pandas script of the same summary."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.virtual import EPOCH_NS
from tests.reports.runs import RULE, fault, lab_of, scenario_of, write
from tripcurve.documents import write_yaml
from tripcurve.run.record import SCHEMA

QUICK_ROWS, QUICK_S = 1350, 2.0
SIZES = (1_000_000, 10_000_000, 100_000_000)
BUDGETED = 10_000_000
PIECE = 1_000_000
RATE = 20_000
CYCLE_S = 60
MOST_S, MOST_GIB, MOST_GROWTH = 10.0, 1.0, 1.25
LONGEST_S = 300

_PLAIN = """
import sys, pandas as pd
frame = pd.read_parquet(sys.argv[1])
print(frame["status"].value_counts())
print(frame.groupby("origin", observed=True)["latency_us"].quantile([.5, .9, .95, .99, .999, 1]))
second = (frame["start_ns"] - frame["start_ns"].min()) // 1_000_000_000
print(frame.groupby([second, "status"]).size().unstack(fill_value=0))
print(frame[["prompt_tokens", "completion_tokens"]].sum())
"""


def rows() -> list[dict[str, Any]]:
    """Seconds and GiB of `tripcurve report` at each size, and how both grow between them."""
    found: list[dict[str, Any]] = []
    seconds: dict[int, float] = {}
    memory: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as base:
        found.append(_quick(Path(base) / "quick"))
        for size in SIZES:
            folder = write_run(Path(base) / str(size), size)
            taken, gib = _measured([sys.executable, "-m", "tripcurve.cli", "report", str(folder), "--json"])
            plain = _plain_s(folder) if size <= BUDGETED else None  # which holds all rows at once
            shutil.rmtree(folder)
            seconds[size], memory[size] = taken, gib
            name = f"report of {size // 1_000_000} million requests"
            budget = (MOST_S, MOST_GIB) if size == BUDGETED else (None, None)
            found.append(_row(name, taken, "s", budget[0], plain, "plain pandas"))
            found.append(_row(f"{name}, memory", gib, "GiB", budget[1]))
    small, large, huge = SIZES
    slower = seconds[large] / seconds[small] / (large / small)
    found.append(_row("report, time per request at 10 million over 1 million", slower, "×", MOST_GROWTH))
    bigger = memory[huge] / memory[large]
    return [*found, _row("report, memory at 100 million over 10 million", bigger, "×", MOST_GROWTH)]


def _quick(folder: Path) -> dict[str, Any]:
    """The report of a run as small as the quick lab's. The first one, which fills the cache, does not count."""
    lab, scenario = (
        lab_of(),
        scenario_of({"for": 5}, {"for": 10, "simulate": fault()}, {"for": 15}, rate=QUICK_ROWS / 30),
    )
    command = [sys.executable, "-m", "tripcurve.cli", "report", str(write(folder, lab, scenario)), "--json"]
    _measured(command)
    return _row("quick run report", _measured(command)[0], "s", QUICK_S)


def _plain_s(folder: Path) -> float:
    taken, _ = _measured([sys.executable, "-c", _PLAIN, str(folder / "requests.parquet")])
    return taken


def _row(
    name: str, value: float, unit: str, most: float | None, beside: float | None = None, peer: str | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "peer": peer,
        "ratio": None if beside is None else value / beside,
        "budget": None if most is None else f"≤ {most:g} {unit}",
        "ok": None if most is None else value <= most,
    }


def _measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds, and the largest resident size of that child, GiB."""
    begin = time.perf_counter()
    script = (
        "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode; "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], check=True, capture_output=True, text=True, timeout=LONGEST_S
    )
    taken = time.perf_counter() - begin
    kib, code = map(int, done.stdout.split())
    if code not in (0, 1):
        raise RuntimeError(f"{command[:4]} ended with {code}: {done.stderr[-500:]}")
    return taken, kib / 2**20


def write_run(folder: Path, size: int) -> Path:
    """A run of `size` requests: each minute has a fault of two seconds that trips the breaker for ten."""
    folder.mkdir(parents=True)
    seconds = size / RATE
    lab = lab_of(RULE | {"trip_duration": 10})
    scenario = scenario_of({"for": seconds, "simulate": fault()}, rate=RATE)
    (folder / "lab.yaml").write_text(write_yaml(lab), "utf-8")
    (folder / "scenario.yaml").write_text(write_yaml(scenario), "utf-8")
    end_ns = EPOCH_NS + int(seconds * 1e9)
    (folder / "run.json").write_text(f'{{"target": "local", "start_ns": {EPOCH_NS}, "end_ns": {end_ns}}}', "utf-8")
    rng = np.random.default_rng(1)
    with pq.ParquetWriter(folder / "requests.parquet", SCHEMA, compression="zstd") as writer:
        for begin in range(0, size, PIECE):
            writer.write_table(_piece(begin, min(PIECE, size - begin), rng), row_group_size=131_072)
    return folder


def _piece(begin: int, count: int, rng: np.random.Generator) -> pa.Table:
    start = EPOCH_NS + (np.arange(begin, begin + count) * (1e9 / RATE)).astype(np.int64)
    within = ((start - EPOCH_NS) / 1e9) % CYCLE_S
    shed, failed = (within > 30.001) & (within < 40.001), (within > 30) & (within <= 30.001)
    waited = (rng.lognormal(3, 0.5, count) * 1000).astype(np.int32)
    none = np.zeros(count, dtype=bool)
    columns: dict[str, Any] = {
        "start_ns": start,
        "intended_ns": start - rng.integers(0, 300_000, count),
        "latency_us": np.where(shed, 700, waited + 700).astype(np.int32),
        "first_byte_us": pa.nulls(count, pa.int32()),
        "backend_us": pa.array(waited, pa.int32(), mask=shed),
        "status": np.where(shed, 503, np.where(failed, 429, 200)).astype(np.int16),
        "origin": _text(np.where(shed, 1, 0), none, ["backend", "gateway"]),
        "backend": _text(np.zeros(count), shed, ["m1"]),
        "retry_after_s": pa.nulls(count, pa.float32()),
        "prompt_tokens": pa.array(np.full(count, 40), pa.int32(), mask=shed | failed),
        "completion_tokens": pa.array(np.full(count, 20), pa.int32(), mask=shed | failed),
        "error": _text(np.zeros(count), ~none, ["none"]),
        "phase": _text(np.zeros(count), none, ["p0"]),
        "user": _text(np.zeros(count), none, ["ChatUser"]),
        "worker": np.zeros(count, dtype=np.int16),
    }
    return pa.table([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def _text(codes: Any, missing: Any, values: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=missing), pa.array(values))


if __name__ == "__main__":
    print(rows(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
