"""Durations, in and out."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tripcurve.durations import Seconds, format_iso, parse_seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("PT5M", 300.0),
        ("PT1H", 3600.0),
        ("P1D", 86_400.0),
        ("PT2.5S", 2.5),
        ("PT1H1M1S", 3661.0),
        ("300", 300.0),
        (300, 300.0),
        (0.25, 0.25),
    ],
)
def test_iso_and_plain_seconds_are_read(value: object, seconds: float) -> None:
    assert parse_seconds(value) == seconds


@pytest.mark.parametrize("value", ["5 minutes", "P1M", "P1Y", "", "five", "PT", True, None, [], {}])
def test_anything_else_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValueError, match="PT5M"):
        parse_seconds(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "PT0S"),
        (1, "PT1S"),
        (60, "PT1M"),
        (300, "PT5M"),
        (3600, "PT1H"),
        (3661, "PT1H1M1S"),
        (2.5, "PT2.5S"),
        (90_000, "PT25H"),
    ],
)
def test_seconds_are_written_in_arms_format(seconds: float, text: str) -> None:
    assert format_iso(seconds) == text


@given(st.integers(0, 10**12))
def test_what_is_written_is_read_back(microseconds: int) -> None:
    assert parse_seconds(format_iso(microseconds / 1e6)) == pytest.approx(microseconds / 1e6, abs=1e-6)


@pytest.mark.parametrize("value", [math.inf, math.nan, "inf", "nan"])
def test_a_field_holds_no_endless_duration(value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Seconds).validate_python(value)


def test_a_field_is_written_as_iso_in_json_only() -> None:
    adapter = TypeAdapter(Seconds)
    assert adapter.dump_python(adapter.validate_python("PT1M"), mode="json") == "PT1M"
    assert adapter.dump_python(60.0) == 60.0
