"""Rows of the gateway's log: times of every precision, and rows that lack what is needed."""

from __future__ import annotations

import pytest

from reports.exports.gateway_log import instant_of, read_gateway_log
from tests.reports.runs import RULE, lab_of
from tripcurve.errors import BadInput

LAB = lab_of(RULE)
NOON_NS = 1_764_417_600_000_000_000


@pytest.mark.parametrize(
    ("text", "ns", "precision_ns"),
    [
        ("2025-11-29T12:00:00Z", 0, 1_000_000_000),
        ("2025-11-29T12:00:00.1234567Z", 123_456_700, 100),
        ("2025-11-29T13:00:00.123+01:00", 123_000_000, 1_000_000),
        ("2025-11-29 12:00:00.123456789", 123_456_789, 1),
        ("11/29/2025, 12:00:00.123 PM", 123_000_000, 1_000_000),
    ],
)
def test_an_instant_is_read_with_its_precision(text: str, ns: int, precision_ns: int) -> None:
    assert instant_of(text) == (NOON_NS + ns, precision_ns)


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-40T00:00:00Z", "1764417600"])
def test_an_instant_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not ISO 8601"):
        instant_of(text)


def row(**more: object) -> dict[str, object]:
    return {"timegenerated": "2025-11-29T12:00:00Z", "responsecode": 429, "totaltime": 12, **more}


def test_a_request_without_a_backends_code_reached_none() -> None:
    log = read_gateway_log([row(), row(backendresponsecode=429, backendtime=11)], LAB)
    assert sorted(log.backend_ns.tolist()) == [-1, 11_000_000]
    assert set(log.backend) == {None, "m1"}


def test_rows_without_a_time_a_code_or_a_duration_are_left_out() -> None:
    lacking = [row(totaltime=None), row(responsecode="-"), row(timegenerated=None), row(responsecode=99)]
    assert len(read_gateway_log([row(), *lacking], LAB).status) == 1
    with pytest.raises(BadInput, match="no requests with a time"):
        read_gateway_log(lacking, LAB)
