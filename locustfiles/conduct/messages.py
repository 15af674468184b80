"""Names of the messages between the main process and its workers, over Locust's own connection."""

from __future__ import annotations

__all__ = ["CLOCK", "COUNTS", "DONE", "FINISH", "PLAN", "ROWS"]

PLAN = "tripcurve-plan"
"""Main to worker: what to run, and the worker's place in it."""
FINISH = "tripcurve-finish"
"""Main to worker: no more arrivals; `grace_s` for the answers under way."""
CLOCK = "tripcurve-clock"
"""Worker to main and back: what time is it?"""
COUNTS = "tripcurve-counts"
"""Worker to main, at each flush: answers by second and kind."""
ROWS = "tripcurve-rows"
"""Worker to main, at the end: a piece of a shard that is not in the run directory."""
DONE = "tripcurve-done"
"""Worker to main: all is recorded, and this is what was counted."""
