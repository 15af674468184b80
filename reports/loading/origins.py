"""Distinguishes the gateway's sheds from backends' answers if nothing marks the answers of backends."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reports.loading.sheds import ShedStatuses
from tripcurve.gateways import GatewayProfile
from tripcurve.lab import Lab
from tripcurve.run.record import SCHEMA

__all__ = ["Unmarked", "judged_by_status", "no_answer_is_marked", "unmarked_answers"]

FAR_BELOW = 3
"""An answer with a shed's status is the gateway's own if a backend's fastest answer took this many times as long."""


@dataclass(frozen=True)
class Unmarked:
    """How to classify the answers of a run in which none names its backend.

    `sheds`: the statuses that a shed may have, such as 503. `shed_below_us`: an answer with such a status is a shed if
    it took less, and may be either side's if it took longer. None: every such answer is a shed, because no rule counts
    it.
    """

    sheds: ShedStatuses
    shed_below_us: int | None
    profile: GatewayProfile

    @property
    def note(self) -> str:
        """A sentence for the report about how certain the origins are."""
        which = " or ".join(map(str, self.sheds.statuses))
        marker = f"the {self.profile.settings} sets no {self.profile.marker} header"
        start = f"{marker}, so answers are distinguished by status: "
        if self.shed_below_us is None:
            return (
                f"{start}every {which} counts as the gateway's own; "
                f"a backend that answers {which} itself would be mistaken for an open breaker"
            )
        return (
            f"{start}a {which} that took less than {self.shed_below_us / 1000:.1f} ms, a third of a backend's fastest "
            "answer, counts as the gateway's own; any other shows nothing about the breaker's state"
        )


def no_answer_is_marked(tables: Iterable[pa.Table]) -> bool:
    """Return whether backends answered although no answer names its backend.

    A gateway does not produce a 2xx itself. If it seems to have, nothing marks backends' answers. Reading stops at the
    first marked answer.
    """
    made_up = False
    for table in tables:
        origin = _origin(table)
        if pc.any(pc.equal(origin, "backend")).as_py():
            return False
        good = pc.and_(pc.greater_equal(table["status"], 200), pc.less(table["status"], 300))
        made_up = made_up or bool(pc.any(pc.and_(good, pc.equal(origin, "gateway"))).as_py())
    return made_up


def unmarked_answers(tables: Iterable[pa.Table], lab: Lab, sheds: ShedStatuses, profile: GatewayProfile) -> Unmarked:
    """Return how to classify the answers of a run that marks none.

    If a rule counts a status that sheds have, sheds are recognised by their latency. The backends' fastest answer is
    sought among all other statuses, and among the first answers with such a status, up to the rule's count, because no
    breaker can open earlier.
    """
    rules = [backend.breaker for backend in lab.backends if backend.breaker is not None]
    needed = [rule.count or 1 for rule in rules if any(map(rule.counts_status, sheds.statuses))]
    if not needed:
        return Unmarked(sheds, None, profile)
    fastest: list[int] = []
    first: list[tuple[int, int]] = []
    for table in tables:
        status, latency_us = table["status"].to_numpy(), table["latency_us"].to_numpy().astype(np.int64)
        shed = sheds.hold(status)
        others = ~shed & (status != 0)
        fastest += [int(latency_us[others].min())] if others.any() else []
        ends = (table["start_ns"].to_numpy() + latency_us * 1000)[shed].tolist()
        first = heapq.nsmallest(min(needed), [*first, *zip(ends, latency_us[shed].tolist(), strict=True)])
    return Unmarked(sheds, min([*fastest, *(latency_us for _, latency_us in first)], default=0) // FAR_BELOW, profile)


def judged_by_status(table: pa.Table, unmarked: Unmarked) -> pa.Table:
    """Return the table with origin `backend` for every answer of origin `gateway` that is not a shed."""
    origin = _origin(table)
    other = pa.array(~unmarked.sheds.hold(table["status"].to_numpy()))
    if unmarked.shed_below_us is not None:
        other = pc.or_(other, pc.greater_equal(table["latency_us"], unmarked.shed_below_us))
    field = SCHEMA.field("origin")
    answered = pc.and_(pc.equal(origin, "gateway"), other)
    judged = pc.if_else(answered, "backend", origin).combine_chunks().dictionary_encode().cast(field.type)
    return table.set_column(table.column_names.index("origin"), field, judged)


def _origin(table: pa.Table) -> pa.ChunkedArray:
    return table["origin"].cast(pa.string())
