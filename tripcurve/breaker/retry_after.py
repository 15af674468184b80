"""Read the Retry-After headers of an answer."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

from tripcurve.lab.local_options import LocalOptions

__all__ = ["parse_retry_after"]

LONGEST_S = 3.2e9  # a century; a longer time cannot be meant, and would overflow a deadline's date


def parse_retry_after(
    retry_after: str | None, retry_after_ms: str | None, wall_s: float, options: LocalOptions
) -> float | None:
    """Return the seconds to wait by the headers `Retry-After` and `retry-after-ms`; None if neither is usable.

    `wall_s` is the current unix time in seconds, from which a date is counted; a date in the past gives 0. If the
    options read `retry-after-ms`, it takes precedence, because it is more exact. Never raises.
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
    """Return a non-negative number; None for other text. [RFC9110] has whole seconds only; fractions are read too."""
    digits = text.strip()
    if not digits.isascii() or not digits.replace(".", "", 1).isdigit():
        return None
    value = float(digits)
    return value if math.isfinite(value) and value <= LONGEST_S else None


def _seconds_to_date(text: str, wall_s: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # HTTP dates are UTC. Without this, a date without a zone would be read in this machine's zone.
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - wall_s
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_S)
