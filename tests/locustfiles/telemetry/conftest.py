"""A run that has ended, with its record and what its exporters read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.ipc as ipc
import pytest

import tests.locustfiles.unpatched  # noqa: F401  # before any test imports Locust
from locustfiles.conduct.plan import Plan
from locustfiles.live.board import FollowedRun
from locustfiles.live.counts import Live
from locustfiles.live.load import Load
from locustfiles.live.locust_stats import feed
from locustfiles.pacing.clock import Clock
from locustfiles.pacing.timeline import Timeline
from locustfiles.recording.recorder import Batch, Recorder
from locustfiles.telemetry.figures import Figure, Figures
from tripcurve.lab import Lab
from tripcurve.run.record import Row
from tripcurve.scenario import Scenario
from tripcurve.target import Target

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
RULE = {"count": 3, "interval": 10, "trip_duration": 1, "status_codes": [429]}
LAB = Lab.model_validate({"name": "p", "gateway": {"name": "g"}, "backends": [{"name": "m1", "breaker": RULE}]})
SCENARIO = Scenario.model_validate(
    {"name": "s", "phases": [{"name": "well", "for": 5, "rate": 20}, {"name": "ill", "for": 5, "rate": 20}]}
)
TARGET = Target(gateway_url="http://127.0.0.1:8080", api_key="k", deployment="gpt-5.1", api_version="v1", kind="url")  # type: ignore[arg-type]
OUTCOMES = [
    *[(200, "backend", "m1", None)] * 5,
    *[(429, "backend", "m1", None), (503, "gateway", None, None), (500, "backend", "m1", None)],
    *[(0, "client", None, "Timeout"), (200, "backend", "m1", "IncompleteBody")],
]


def row(number: int, at_s: float, *, user: str = "ChatUser", late_us: int = 200, first_us: int | None = None) -> Row:
    """One answer; the kinds of OUTCOMES follow one another."""
    status, origin, backend, error = OUTCOMES[number % len(OUTCOMES)]
    fine = status == 200 and error is None
    start = START + round(at_s * SECOND) + late_us * 1000
    return Row(
        start_ns=start,
        intended_ns=start - late_us * 1000,
        latency_us=1000 + 500 * (number % 40),
        first_byte_us=first_us,
        backend_us=None,
        status=status,
        origin=origin,
        backend=backend,
        retry_after_s=None,
        prompt_tokens=40 + number % 7 if fine else None,
        completion_tokens=20 + number % 3 if fine else None,
        error=error,
        phase="well" if at_s < 5 else "ill",
        user=user,
        worker=0,
    )


@dataclass
class Ended:
    """A run that has ended: its record, its batches, and the figures that exporters read."""

    plan: Plan
    table: pa.Table
    batches: list[Batch]
    run: FollowedRun
    figures: Figures
    stats: Any

    def values(self) -> dict[tuple[str, ...], float]:
        """The figures by the metric's name and labels."""
        return {
            (figure.metric.name, *figure.labels): figure.value for figure in cast(list[Figure], self.figures.read())
        }

    def counted(self, *columns: str) -> Counter[tuple[Any, ...]]:
        """The rows of the record by the values of columns."""
        return Counter(zip(*(self.table[name].to_pylist() for name in columns), strict=True))


@pytest.fixture
def make_ended(tmp_path: Path) -> Callable[..., Ended]:
    """Makes a run of 200 paced requests over ten seconds, with a retry and a dense probe at the end of it."""

    def make(rows: list[Row] | None = None) -> Ended:
        from locust.stats import RequestStats

        paced = [row(number, number / 20) for number in range(200)]
        extra = [row(1, 9.0, late_us=0), row(6, 9.1, user="ProbeUser", late_us=0)]
        clock = Clock(START, 0, None)
        plan = Plan(TARGET, LAB, SCENARIO, tmp_path, START, clock)
        live, stats, batches = Live(START), RequestStats(), list[Batch]()
        listeners = (live.add, lambda batch: feed(stats, batch), batches.append)
        recorder = Recorder(tmp_path / "requests-0.arrows", listeners)
        for number, each in enumerate([*paced, *extra] if rows is None else rows):
            recorder.add(each)
            if number % 30 == 29:
                recorder.flush()
        recorder.close()
        with ipc.open_stream((tmp_path / "requests-0.arrows").read_bytes()) as stream:
            table = stream.read_all()
        timeline = Timeline(SCENARIO, 0)
        run = FollowedRun(plan, live, timeline, None, ended_ns=timeline.end_ns)
        board = SimpleNamespace(run=run, load=Load(210, 200, 10, 0.2))
        environment = SimpleNamespace(runner=SimpleNamespace(user_count=7), stats=stats)
        return Ended(plan, table, batches, run, Figures(cast(Any, environment), cast(Any, board)), stats)

    return make


def streams() -> list[Row]:
    """Streamed answers: complete, cut off, of one token, and without a usage."""
    rows = [row(number, number / 20, user="StreamingChatUser", first_us=300 + 7 * number) for number in range(60)]
    one = rows[0]._replace(completion_tokens=1)
    unknown = rows[1]._replace(prompt_tokens=None, completion_tokens=None)
    return [*(each for each in rows if each.status == 200), one, unknown]


@pytest.fixture
def finished(make_ended: Callable[..., Ended]) -> Ended:
    return make_ended()
