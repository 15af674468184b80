"""Reading Retry-After."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.breaker.retry_after import parse_retry_after
from tripcurve.lab.local_options import LocalOptions

NOON = 1_764_072_000.0  # Tue, 25 Nov 2025 12:00:00 GMT


def read(value: str | None, milliseconds: str | None = None, **options: object) -> float | None:
    return parse_retry_after(value, milliseconds, NOON, LocalOptions.model_validate(options))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("2", 2.0),
        (" 60 ", 60.0),
        ("86400", 86_400.0),
        ("1.5", 1.5),
        ("Tue, 25 Nov 2025 12:00:30 GMT", 30.0),
        ("Tue, 25 Nov 2025 11:59:00 GMT", 0.0),
        ("-1", None),
        ("+1", None),
        ("", None),
        ("soon", None),
        ("1e3", None),
        ("٣", None),
        ("9" * 400, None),
        ("Tue, 99 Nov 2025 12:00:30 GMT", None),
        (None, None),
    ],
)
def test_seconds_and_dates(value: str | None, seconds: float | None) -> None:
    assert read(value) == seconds


def test_a_date_is_not_read_when_the_option_wants_seconds_only() -> None:
    assert read("Tue, 25 Nov 2025 12:00:30 GMT", retry_after_forms="seconds") is None


def test_a_date_without_a_zone_is_utc_whatever_the_machines_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert read("Tue, 25 Nov 2025 12:00:30") == 30.0
        assert read("Tue, 25 Nov 2025 12:00:30 -0000") == 30.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_milliseconds_are_read_only_with_the_option() -> None:
    assert read(None, "1500") is None
    assert read(None, "1500", retry_after_ms=True) == 1.5


def test_milliseconds_win_over_seconds() -> None:
    assert read("2", "1500", retry_after_ms=True) == 1.5


def test_unreadable_milliseconds_leave_the_seconds() -> None:
    assert read("2", "soon", retry_after_ms=True) == 2.0


@given(st.one_of(st.none(), st.text()), st.one_of(st.none(), st.text()), st.booleans())
def test_any_header_gives_a_usable_number_or_none(value: str | None, ms: str | None, reads_ms: bool) -> None:
    seconds = read(value, ms, retry_after_ms=reads_ms)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
