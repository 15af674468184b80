"""Writes one line of progress to stderr: every second on a terminal, else every five seconds."""

from __future__ import annotations

import sys
from time import monotonic_ns
from typing import TextIO

import gevent

from locustfiles.live.counts import KINDS, Live
from locustfiles.pacing.timeline import Timeline

__all__ = ["line", "report_progress"]

PLAIN_EVERY_S = 5


def line(live: Live, timeline: Timeline, now_ns: int) -> str:
    """Return the line: phase, time, answers of the last complete second by kind, trips so far."""
    stretch = timeline.at(now_ns)
    elapsed = max(min(now_ns, timeline.end_ns) - timeline.start_ns, 0) / 1e9
    total = (timeline.end_ns - timeline.start_ns) / 1e9
    last = live.last()
    rates = "  ".join(f"{kind} {last[kind]}/s" for kind in KINDS if last.get(kind))
    state = "open" if live.open else "closed"
    return f"{stretch.phase.name:<12} {elapsed:4.0f}/{total:.0f} s  {rates or '–'}  trips {live.trips} ({state})"


def report_progress(live: Live, timeline: Timeline, out: TextIO = sys.stderr) -> None:
    """Write lines until the greenlet that runs it is killed."""
    terminal = out.isatty()
    try:
        while True:
            gevent.sleep(1 if terminal else PLAIN_EVERY_S)
            text = line(live, timeline, monotonic_ns())
            out.write(f"\r\x1b[2K{text}" if terminal else f"{text}\n")
            out.flush()
    finally:
        if terminal:
            out.write("\n")
