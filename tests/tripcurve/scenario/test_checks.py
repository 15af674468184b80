"""Checks over a summary."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.errors import BadInput
from tripcurve.run.summary import CheckOutcome
from tripcurve.scenario.checks import Check, parse

SUMMARY: dict[str, Any] = {
    "time_to_trip_s": {"min": 0.1, "median": 0.2, "max": 2},
    "requests": {"total": 7, "by_status": {"200": 5, "503": 2}, "by_origin": {"client": 0}},
    "trips": [{"open_s": 4.0, "truth": {"reset_s": None}}],
    "absorption": 0.96,
    "interrupted": False,
    "name": "quick",
    "nothing": float("nan"),
}


@pytest.mark.parametrize(
    ("text", "value", "passed"),
    [
        ("time_to_trip_s.max < 2", 2, False),
        ("time_to_trip_s.max <= 2", 2, True),
        ("time_to_trip_s.max > 2", 2, False),
        ("time_to_trip_s.max >= 2", 2, True),
        ("time_to_trip_s.max == 2", 2, True),
        ("time_to_trip_s.max != 2", 2, False),
        ("requests.by_origin.client == 0", 0, True),
        ("requests.by_status.503 < 10", 2, True),
        ("trips[0].open_s >= 3.9", 4.0, True),
        ("absorption > 95%", 0.96, True),
        ("absorption > 97 %", 0.96, False),
        ("time_to_trip_s.min>1e-2", 0.1, True),
        ("time_to_trip_s.min > -1", 0.1, True),
        ("  requests.total   ==   7  ", 7, True),
    ],
)
def test_a_number_is_compared(text: str, value: float, passed: bool) -> None:
    assert parse(text).evaluate(SUMMARY) == CheckOutcome(expression=text, value=value, passed=passed)


@pytest.mark.parametrize(
    "text",
    [
        "trips[1].open_s < 9",
        "trips[0].truth.reset_s < 9",
        "trips[0].truth.reset_s != 9",
        "open_s.max < 9",
    ],
)
def test_a_measure_that_was_not_observed_never_passes(text: str) -> None:
    assert parse(text).evaluate(SUMMARY) == CheckOutcome(
        expression=text, value=None, passed=False, reason="not observed"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_to_trip.max < 2", "no 'time_to_trip'; did you mean 'time_to_trip_s.max'?"),
        ("time_to_trip_s.p99 < 1", "no 'time_to_trip_s.p99'"),
        ("time_to_trip_s < 1", "is not a number; it has time_to_trip_s.n, time_to_trip_s.min"),
        ("time_to_trip_s[0] < 1", "no 'time_to_trip_s[0]'"),
        ("trips.open_s < 9", "no 'trips.open_s'"),
        ("interrupted == 0", "'interrupted' is not a number"),
        ("shed > 3", "no 'shed'; did you mean 'sheds'?"),
    ],
)
def test_a_measure_that_does_not_exist_is_refused_with_the_nearest(text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(text)
    assert said in str(caught.value)


def whole(**changes: int) -> dict[str, Any]:
    """A summary without an outage: one phase of ten requests."""
    return {"phases": [{"requests": 10, "ok": 10, **changes}], "outage_s": {"max": None}, "interrupted": False}


def test_an_upper_limit_on_the_outage_holds_if_no_request_failed() -> None:
    result = parse("outage_s.max < 1").evaluate(whole())
    assert (result.value, result.passed, result.reason) == (None, True, "not observed: no request failed")


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("outage_s.max < 1", whole(ok=9)),
        ("outage_s.max < 1", whole() | {"interrupted": True}),
        ("outage_s.max < 1", whole() | {"phases": []}),
        ("outage_s.max > 1", whole()),
        ("time_to_trip_s.max < 2", whole()),
    ],
)
def test_nothing_else_passes_unobserved(text: str, summary: dict[str, Any]) -> None:
    assert not parse(text).evaluate(summary).passed


@pytest.mark.parametrize("comparison", ["<", "<=", ">", ">=", "==", "!="])
def test_not_a_number_never_passes(comparison: str) -> None:
    assert not Check("nothing", ("nothing",), comparison, 1).evaluate(SUMMARY).passed


def test_a_check_is_parsed_into_path_comparison_and_limit() -> None:
    assert parse("trips[12].open_s >= 1.5") == Check("trips[12].open_s >= 1.5", ("trips", 12, "open_s"), ">=", 1.5)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "at its end"),
        ("absorption", "at its end"),
        ("absorption <", "at its end"),
        ("absorption = 1", "at column 12"),
        ("absorption < fast", "at column 14"),
        ("trips[x].open_s < 1", "at column 7"),
        ("trips[-1].open_s < 1", "at column 7"),
        ("absorption < 1 and 2", "at column 16"),
        ("__import__('os') < 1", "at column 11"),
        ("1 < absorption", "at column 1"),
    ],
)
def test_a_malformed_check_is_refused_with_its_place_and_an_example(text: str, where: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(text)
    assert where in str(caught.value)
    assert "a check looks like `time_to_trip_s.max < 2`" in str(caught.value)


def test_an_endless_check_is_refused_unparsed() -> None:
    with pytest.raises(BadInput, match="at most 500"):
        parse("a." * 100_000 + "a < 1")


@given(st.text(max_size=80))
def test_any_text_is_a_check_or_bad_input(text: str) -> None:
    try:
        parse(text).evaluate(SUMMARY)
    except BadInput:
        pass
