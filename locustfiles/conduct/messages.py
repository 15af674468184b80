"""The names and contents of the messages between the main process and its workers.

They are sent over Locust's own connection, so a message is plain data: numbers, texts, lists and dictionaries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from pydantic import JsonValue

from locustfiles.conduct.plan import PlanMessage
from locustfiles.recording.tally import TallyMessage

__all__ = [
    "CLOCK",
    "COUNTS",
    "DEAL",
    "DONE",
    "FINISH",
    "PLAN",
    "READY",
    "ROWS",
    "Account",
    "CountsMessage",
    "DealMessage",
    "PlanForWorker",
]

PLAN = "tripcurve-plan"
"""Main to worker: a `PlanForWorker`."""
READY = "tripcurve-ready"
"""Worker to main: it has the plan and can take a share of a phase."""
DEAL = "tripcurve-deal"
"""Main to worker, some time before a phase in which the worker has a share: a `DealMessage`."""
FINISH = "tripcurve-finish"
"""Main to worker: stop arrivals and wait `grace_s` seconds for the answers under way."""
CLOCK = "tripcurve-clock"
"""Worker to main: a question for the time; main to worker: the answer, in unix ns."""
COUNTS = "tripcurve-counts"
"""Worker to main, at each flush: a `CountsMessage`."""
ROWS = "tripcurve-rows"
"""Worker to main, at the end: a piece of a shard that was not written into the run directory."""
DONE = "tripcurve-done"
"""Worker to main, after its last row: an `Account`."""


class PlanForWorker(TypedDict):
    """The plan of the run, and the worker's number in it: no two workers of a run have the same."""

    plan: PlanMessage
    worker: int


class DealMessage(TypedDict):
    """The workers that share a phase, by number. `phase`: its index. Decided once: see `Deals`."""

    phase: int
    workers: Sequence[int]


class CountsMessage(TypedDict):
    """Answers by second and kind since the last such message, and the open periods, the load and the tokens so far."""

    counts: list[tuple[int, str, int]]
    last_end_s: float
    trips: int
    open: bool
    sightings: Sequence[Sequence[float | int | None]]
    load: Sequence[float | int | None]
    tokens: Sequence[float]


class Account(TypedDict):
    """A worker's counts at the end of its part.

    `phases`: those it has a share of, as far as it heard. `arrivals`: how many arrivals of the schedule are in
    `tally`. `failure`: why it ended early; None: it ended in order.
    """

    tally: TallyMessage
    phases: list[int]
    arrivals: int
    host: str
    clock: dict[str, JsonValue]
    failure: str | None
