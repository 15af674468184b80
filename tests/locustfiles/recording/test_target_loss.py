"""Whether a target answered until the end of a run, from its records."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from locustfiles.recording.target_loss import TargetLoss, find_target_loss
from tests.locustfiles.recording.test_recorder import row
from tripcurve.run.record import SCHEMA, Row

MS = 1_000_000


def answered(start_ms: int, latency_ms: int = 5) -> Row:
    return row(start_ns=start_ms * MS, latency_us=latency_ms * 1000)


def silent(start_ms: int, latency_ms: int = 1, error: str = "ConnectionRefused") -> Row:
    changes = {"status": 0, "origin": "client", "backend": None, "error": error, "latency_us": latency_ms * 1000}
    return row(start_ns=start_ms * MS, **changes)


def loss(folder: Path, rows: list[Row], group: int = 1000) -> TargetLoss | None:
    columns = {name: [getattr(one, name) for one in rows] for name in Row._fields}
    pq.write_table(pa.table(columns, schema=SCHEMA), folder / "requests.parquet", row_group_size=group)
    return find_target_loss(folder)


HEALTHY = [answered(at) for at in range(0, 1000, 100)]
GONE = [silent(at) for at in range(1000, 2300, 100)]


def test_a_target_that_answers_to_the_end_is_not_lost(tmp_path: Path) -> None:
    assert loss(tmp_path, HEALTHY) is None


def test_dense_probes_are_not_counted(tmp_path: Path) -> None:
    """The report counts the traffic: the message at the end of the run must have the same number."""
    probes = [silent(at)._replace(user="ProbeUser", intended_ns=at * MS) for at in range(1050, 2250, 10)]
    rows = sorted([*HEALTHY, *GONE, *probes], key=lambda one: one.start_ns)
    assert loss(tmp_path, rows) == TargetLoss(905 * MS, 13, "ConnectionRefused")


@pytest.mark.parametrize("group", [1, 4, 1000])
def test_a_silence_to_the_end_dates_from_the_last_response(tmp_path: Path, group: int) -> None:
    assert loss(tmp_path, HEALTHY + GONE, group) == TargetLoss(905 * MS, 13, "ConnectionRefused")


def test_a_target_that_never_answered_was_lost_from_the_first_request(tmp_path: Path) -> None:
    found = loss(tmp_path, GONE)
    assert found is not None
    assert found.since_ns == 1000 * MS


def test_a_target_that_came_back_is_not_lost(tmp_path: Path) -> None:
    assert loss(tmp_path, [*HEALTHY, *GONE, answered(2400)]) is None


def test_a_slow_answer_sent_before_the_silence_ends_it(tmp_path: Path) -> None:
    assert loss(tmp_path, [*HEALTHY, answered(950, latency_ms=1400), *GONE], group=3) is None


@pytest.mark.parametrize(
    "last",
    [
        [silent(at) for at in (1000, 1500, 2000, 2500)],  # fewer than five
        [silent(at) for at in range(1000, 1800, 100)],  # shorter than a second
        [silent(at, error="Cancelled") for at in range(1000, 2300, 100)],  # cut off by the end of the run itself
        [silent(at, error="CanceledByClient") for at in range(1000, 2300, 100)],  # the clients closed their connections
    ],
)
def test_a_silence_that_may_be_chance_is_not_a_loss(tmp_path: Path, last: list[Row]) -> None:
    assert loss(tmp_path, HEALTHY + last) is None


def test_a_hang_counts_when_its_requests_time_out(tmp_path: Path) -> None:
    hung = [silent(at, latency_ms=1000, error="Timeout") for at in range(1000, 1600, 100)]
    assert loss(tmp_path, HEALTHY + hung) == TargetLoss(905 * MS, 6, "Timeout")


def test_a_run_without_a_row_has_no_loss(tmp_path: Path) -> None:
    assert loss(tmp_path, []) is None
