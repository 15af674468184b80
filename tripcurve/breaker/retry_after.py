"""Reads the Retry-After headers of an answer."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

from tripcurve.lab.local_options import LocalOptions

__all__ = ["parse_retry_after"]

LONGEST_S = 3.2e9  # a century: anything beyond is noise, and would overflow a deadline's date


def parse_retry_after(
    retry_after: str | None, retry_after_ms: str | None, wall_s: float, options: LocalOptions
) -> float | None:
    """Seconds to wait, from the values of `Retry-After` and `retry-after-ms`; None: nothing usable.

    `wall_s` is the unix time a date is measured from; a date in the past is 0. The milliseconds,
    where the options read them, win: they say the same more exactly. Never raises: headers come from anywhere.
    """
    if options.retry_after_ms and retry_after_ms is not None:
        milliseconds = _number(retry_after_ms)
        if milliseconds is not None:
            return milliseconds / 1000
    if retry_after is None:
        return None
    seconds = _number(retry_after)
    if seconds is None and options.retry_after_forms == "seconds_and_date":
        return _seconds_to_date(retry_after, wall_s)
    return seconds


def _number(text: str) -> float | None:
    """A number that is not negative. [RFC9110] has whole seconds only; a fraction is read all the same."""
    digits = text.strip()
    if not digits.isascii() or not digits.replace(".", "", 1).isdigit():
        return None
    value = float(digits)
    return value if math.isfinite(value) and value <= LONGEST_S else None


def _seconds_to_date(text: str, wall_s: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is UTC, as HTTP dates are; without this it would be this machine's own zone.
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - wall_s
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_S)
