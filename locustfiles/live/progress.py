"""Writes one line of progress to stderr: every second on a terminal, else every five seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic_ns
from typing import TextIO

import gevent

from locustfiles.live.counts import FLUSHED_NS, KINDS, Live
from locustfiles.pacing.timeline import Timeline

__all__ = ["BreakerCounts", "line", "report_progress"]

PLAIN_EVERY_S = 5
SILENT_S = 1.0
"""After so long without any answer the line says so, if the scenario sends requests at all."""

BreakerCounts = Callable[[], tuple[int, int]]
"""Returns the trips so far and the breakers that are open now, by the gateway's own record."""


def line(live: Live, timeline: Timeline, now_ns: int, counts: BreakerCounts | None = None) -> str:
    """Return the line: phase, time, answers of the last complete second by kind, trips so far.

    `now_ns`: monotonic ns. `counts` None: the gateway has no record, so the trips are those that clients have seen.
    """
    stretch = timeline.at(now_ns)
    since_ns = now_ns - timeline.start_ns
    elapsed, total = max(min(since_ns, timeline.end_ns - timeline.start_ns), 0) / 1e9, timeline.duration_s
    last = live.last(live.start_ns + since_ns)
    rates = "  ".join(f"{kind} {last[kind]}/s" for kind in KINDS if last.get(kind))
    silent = _silence(live, timeline, now_ns)
    return f"{stretch.phase.name:<12} {elapsed:4.0f}/{total:.0f} s  {silent or rates or '–'}  {_trips(live, counts)}"


def _silence(live: Live, timeline: Timeline, now_ns: int) -> str | None:
    """Return the words for a target that answers nothing; None when it answers, or nothing has been sent."""
    silent_s = live.silent_s(live.start_ns + now_ns - timeline.start_ns)
    if silent_s < SILENT_S or now_ns > timeline.end_ns:
        return None
    stretch = timeline.at(now_ns)
    rate = stretch.phase.rate_at((now_ns - stretch.begin_ns) / 1e9)
    if rate is not None and rate * (silent_s - FLUSHED_NS / 1e9) < 2:
        return None  # so few requests that their answers may be on the way
    return f"no answer for {silent_s:.0f} s"


def _trips(live: Live, counts: BreakerCounts | None) -> str:
    if counts is None:
        return f"trips seen {live.trips} ({'open' if live.open else 'closed'})"
    trips, still_open = counts()
    return f"trips {trips} ({f'{still_open} open' if still_open > 1 else 'open' if still_open else 'closed'})"


def report_progress(
    live: Live, timeline: Timeline, counts: BreakerCounts | None = None, out: TextIO = sys.stderr
) -> None:
    """Write lines until the greenlet that runs it is killed. A silence is written at once, on a terminal or not."""
    terminal = out.isatty()
    quiet_s, was_silent = 0, False
    try:
        while True:
            gevent.sleep(1)
            now_ns = monotonic_ns()
            silent = _silence(live, timeline, now_ns) is not None
            quiet_s += 1
            if terminal or quiet_s >= PLAIN_EVERY_S or (silent and not was_silent):
                text = line(live, timeline, now_ns, counts)
                out.write(f"\r\x1b[2K{text}" if terminal else f"{text}\n")
                out.flush()
                quiet_s = 0
            was_silent = silent
    finally:
        if terminal:
            out.write("\n")
