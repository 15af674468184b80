"""Read durations written in ISO 8601 (`PT1M`) or as plain seconds, as float seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import isodate
from pydantic import BeforeValidator, Field, PlainSerializer

__all__ = ["Seconds", "format_iso", "parse_seconds"]


def parse_seconds(value: object) -> float:
    """Return the seconds of an ISO 8601 duration, of milliseconds such as `1ms`, or of a plain number.

    Raises ValueError for anything else, years and months included: their length depends on
    the calendar, and no breaker rule uses them.
    """
    if isinstance(value, bool):
        raise ValueError("must be a duration, such as PT5M or 300 (seconds), not true or false")
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            raise ValueError("this number of seconds is too large") from None
    if isinstance(value, str):
        seconds = _iso_seconds(value)
        if seconds is not None:
            return seconds
        try:
            return float(value[:-2]) / 1000 if value.endswith("ms") else float(value)
        except ValueError:
            pass
    shown = repr(value[:80]) if isinstance(value, str) else "this"
    raise ValueError(f"{shown} is not a duration; write ISO 8601 such as PT5M (five minutes), or seconds such as 300")


def _iso_seconds(text: str) -> float | None:
    """Return the seconds of an ISO 8601 duration of fixed length, or None for anything else."""
    try:
        duration = isodate.parse_duration(text, as_timedelta_if_possible=True)
    except (isodate.ISO8601Error, ValueError, TypeError, OverflowError):
        return None
    # A duration with months or years is isodate's own type, whose total_seconds() leaves them out: P1M would be 0.
    bare = not any(character.isdigit() for character in text)  # `PT` names no amount
    return duration.total_seconds() if isinstance(duration, timedelta) and not bare else None


def format_iso(seconds: float) -> str:
    """Return the ISO 8601 text of a number of seconds in the form that ARM accepts: `PT5M`, `PT1H`, `PT2.5S`."""
    whole, rest = divmod(round(seconds * 1_000_000), 1_000_000)
    hours, left = divmod(whole, 3600)
    minutes, secs = divmod(left, 60)
    text = "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if secs or rest or text == "PT":
        fraction = f".{rest:06d}".rstrip("0") if rest else ""
        text += f"{secs}{fraction}S"
    return text


Seconds = Annotated[
    float,
    BeforeValidator(parse_seconds),
    Field(allow_inf_nan=False, json_schema_extra={"type": ["string", "number"], "examples": ["PT5M", 300]}),
    PlainSerializer(format_iso, return_type=str, when_used="json"),
]
"""A pydantic field holding float seconds, read from ISO 8601 or a number, written back as ISO 8601."""
