"""Mistyped names get the known name that was meant, and other names get none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.suggestions import closest, did_you_mean

KNOWN = ["accept_retry_after", "mock", "openai", "trip_duration", "trip-and-recover", "ChatUser"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tripDuration", "trip_duration"),
        ("trip-duration", "trip_duration"),
        ("TripDuraton", "trip_duration"),
        ("mok", "mock"),
        ("Mock", "mock"),
        ("openia", "openai"),
        ("trip_and_recover", "trip-and-recover"),
        ("chatuser", "ChatUser"),
        ("acceptRetryAfter", "accept_retry_after"),
        ("colour", None),
        ("", None),
        ("mock" * 30, None),
    ],
)
def test_a_typing_mistake_is_corrected_and_another_name_is_not(name: str, meant: str | None) -> None:
    assert closest(name, KNOWN) == meant
    assert did_you_mean(name, KNOWN) == ("" if meant is None else f"; did you mean {meant!r}?")


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=5))
def test_only_a_known_name_is_suggested(name: str, known: list[str]) -> None:
    assert closest(name, known) in [*known, None]
