"""How many workers a rate takes: the punctuality, CPU and memory of 1 to 20 local workers against one nginx."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.benchmarks.loaders import Served, cpu_s, ours, row, server

SECONDS, WINDOW_S, LONGEST_START_S = 10, 5.0, 90.0
WORKERS = (1, 2, 4, 8, 20)
SHARE = 50
"""Requests a second of each worker, when 1 to 20 of them are compared."""
RATES = (1000, 2000, 3000, 4000, 5000, 6000)
"""Rates of one worker, and of the most workers together, up to the first that they do not hold."""
TRIES = 3
"""How often a rate is tried until it is held: what else a machine does can only make requests later."""
MOST_LATE_MS = 5.0
"""A rate is held if all requests are sent, and 99 % of them start at most this late."""
PORT = "9382"
TRIED = 1
"""Requests before a run that are not part of it."""


@dataclass(frozen=True)
class Point:
    """What a number of workers made of a rate.

    `late_ms`: median, 99th percentile and most after the first second, in which users connect; `first_ms`: 99th
    percentile of that second. `served`: requests that nginx answered. `cpu_us`: of all processes, for each request.
    """

    workers: int
    rate: int
    sent_s: float
    late_ms: tuple[float, float, float]
    first_ms: float
    pacing: dict[str, Any]
    rows: int
    served: int
    cpu_us: float
    mib: float

    @property
    def held(self) -> bool:
        """Whether the workers kept the rate in time."""
        return self.late_ms[1] <= MOST_LATE_MS and self.pacing["sent"] == self.rate * SECONDS

    @property
    def honest(self) -> bool:
        """Whether every arrival is accounted for, and every request that nginx answered has a row."""
        known = sum(self.pacing[name] for name in ("sent", "dropped", "untold", "missed"))
        return self.pacing["intended"] == known == self.rate * SECONDS and self.rows == self.served


def rows() -> list[dict[str, Any]]:
    """The same share for each of 1 to 20 workers; then the highest rates that one and all of them hold."""
    with server() as served:
        if served is None:
            return []
        shared = [_row(_best(served, workers, workers * SHARE)) for workers in WORKERS]
        return [*shared, *_highest(served, 1), *_highest(served, WORKERS[-1])]


def _highest(served: Served, workers: int) -> list[dict[str, Any]]:
    found, held = [], 0
    for rate in RATES:
        point = _best(served, workers, rate)
        found.append(_row(point))
        if not point.held:
            break
        held = rate
    return [*found, row(f"workers, highest rate held by {workers}", held, "requests/s")]


def _best(served: Served, workers: int, rate: int) -> Point:
    """Return the first try in which the rate was held or, if there is none, the one with the smallest lateness."""
    points: list[Point] = []
    while len(points) < TRIES and not (points and points[-1].held):
        points.append(_measured(served, workers, rate))
    return min(points, key=lambda point: (not point.held, point.late_ms[1]))


def _row(point: Point) -> dict[str, Any]:
    p50, p99, most = point.late_ms
    about = [
        f"{point.sent_s:,.1f}/s sent",
        f"late p50 {p50:.2f} ms, max {most:.1f} ms, p99 of the first second {point.first_ms:.1f} ms",
        f"{point.pacing['dropped']} dropped, {point.pacing['missed'] + point.pacing['untold']} lost with a worker",
        f"{point.rows:,} rows, {point.served:,} served",
        f"{point.cpu_us:.0f} us CPU/request",
        f"{point.mib:.0f} MiB a worker",
    ]
    name = f"workers, {point.workers} at {point.rate:,}/s, start lateness p99"
    return row(name, p99, "ms", peer=", ".join(about), budget="all accounted for", ok=point.honest)


class Answered:
    """Counts the requests that nginx has answered since it was made, without the questions that ask for the count."""

    def __init__(self, served: Served) -> None:
        self._served, self._asked = served, 0
        self._before = served.count()

    def count(self) -> int:
        self._asked += 1
        return self._served.count() - self._before - self._asked


def _measured(served: Served, workers: int, rate: int) -> Point:
    users = f"{{ChatUser: {max(40, 4 * workers)}}}"
    scenario = f"name: workers\nusers: {users}\nphases: [{{name: all, for: {SECONDS}, rate: {rate}}}]\n"
    with ours(served.url, scenario, served) as (command, env, folder):
        answered = Answered(served)
        process = subprocess.Popen(
            [*command, "--processes", str(workers), "--master-port", PORT, "--master-bind-port", PORT],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for_load(answered, process, rate)
        cpu_us, mib = _window(answered, process)
        process.wait(timeout=SECONDS + LONGEST_START_S)
        table = pq.read_table(folder / "requests.parquet", columns=["start_ns", "intended_ns"])
        pacing = json.loads((folder / "run.json").read_text())["pacing"]
        count = answered.count() - TRIED
    start, intended = (table[name].to_numpy() for name in ("start_ns", "intended_ns"))
    late_ms, first = (start - intended) / 1e6, intended < intended.min() + 1_000_000_000
    late, first_ms = np.percentile(late_ms[~first], [50, 99, 100]).tolist(), float(np.percentile(late_ms[first], 99))
    sent_s = (len(start) - 1) / ((start.max() - start.min()) / 1e9)
    return Point(workers, rate, sent_s, (late[0], late[1], late[2]), first_ms, pacing, len(table), count, cpu_us, mib)


def _wait_for_load(answered: Answered, process: subprocess.Popen[bytes], count: int) -> None:
    """Wait until the run has sent this many requests. Raises RuntimeError if it does not."""
    deadline = time.monotonic() + LONGEST_START_S
    while answered.count() < count:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} sent fewer than {count} requests; exit code {process.poll()}")
        time.sleep(0.2)


def _window(answered: Answered, process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Return CPU per request (us) of the main process and its workers, and the memory of a worker alone (MiB)."""
    workers = [int(each) for each in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    everyone = [process.pid, *workers]
    before, used_s = answered.count(), sum(map(cpu_s, everyone))
    time.sleep(WINDOW_S)
    count, used_s = answered.count() - before, sum(map(cpu_s, everyone)) - used_s
    return used_s / count * 1e6, sum(map(_own_mib, workers)) / len(workers)


def _own_mib(pid: int) -> float:
    """Memory that a process does not share with others, MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


if __name__ == "__main__":
    print(*rows(), sep="\n")
