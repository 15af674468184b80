"""Distinguishes the gateway's 503s from backends' answers where the policy sets no instrumentation header."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from tripcurve.run.record import SCHEMA

__all__ = ["UNMARKED", "judged_by_status", "no_answer_is_marked"]

UNMARKED = (
    "the policy sets no x-tripcurve-backend header, so answers are told apart by status: every 503 is taken "
    "for the gateway's own; a backend that answers 503 itself would be mistaken for an open breaker"
)


def no_answer_is_marked(tables: Iterable[pa.Table]) -> bool:
    """Whether backends answered, but no answer names its backend.

    A gateway does not make up a 2xx. Where it seems to have, its policy does not mark backends' answers. The first
    marked answer settles the question, so few tables are read.
    """
    made_up = False
    for table in tables:
        origin = _origin(table)
        if pc.any(pc.equal(origin, "backend")).as_py():
            return False
        good = pc.and_(pc.greater_equal(table["status"], 200), pc.less(table["status"], 300))
        made_up = made_up or bool(pc.any(pc.and_(good, pc.equal(origin, "gateway"))).as_py())
    return made_up


def judged_by_status(table: pa.Table) -> pa.Table:
    """Return the requests with the origin `backend` for all of the gateway's answers other than a 503."""
    origin = _origin(table)
    answered = pc.and_(pc.equal(origin, "gateway"), pc.not_equal(table["status"], 503))
    field = SCHEMA.field("origin")
    judged = pc.if_else(answered, "backend", origin).combine_chunks().dictionary_encode().cast(field.type)
    return table.set_column(table.column_names.index("origin"), field, judged)


def _origin(table: pa.Table) -> pa.ChunkedArray:
    return table["origin"].cast(pa.string())
