"""Finds the statuses with which a gateway answers while a breaker is open: its own answers with these are sheds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tripcurve.lab import UNAVAILABLE, Lab, stated_shed_statuses
from tripcurve.lab.sheds import policy_text

__all__ = ["ShedStatuses", "shed_statuses"]

_LIMIT = re.compile(r"<(?:rate-limit|quota|limit-concurrency|[a-z-]*token-limit)\b")


@dataclass(frozen=True)
class ShedStatuses:
    """The statuses with which the gateway's own answers are classified as sheds.

    `doubt`: a sentence for the report if the statuses are not certain; None: they are.
    """

    statuses: tuple[int, ...] = (UNAVAILABLE,)
    doubt: str | None = None

    def among(self, table: pa.Table) -> pa.Array:
        """Return which rows of a table are sheds, shape (rows,)."""
        made_up = pc.equal(table["origin"].cast(pa.string()), "gateway")
        return pc.and_(made_up, pc.is_in(table["status"], pa.array(self.statuses, pa.int16()))).combine_chunks()

    def hold(self, status: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Return which of these statuses are those of sheds, in the same shape."""
        found: npt.NDArray[np.bool_] = np.isin(status, self.statuses)
        return found


def shed_statuses(lab: Lab, tables: Iterable[pa.Table]) -> ShedStatuses:
    """Return the statuses of sheds: from rules and policy or, with a doubt, from the gateway's answers in the run."""
    stated = stated_shed_statuses(lab)
    if stated - {UNAVAILABLE}:
        return ShedStatuses(tuple(sorted(stated)))
    made_up = _made_up_429s(tables)
    if made_up == "none":
        return ShedStatuses()
    policy = policy_text(lab)
    if made_up == "beside 503s" or policy is None or _LIMIT.search(policy):
        return ShedStatuses(
            doubt="the gateway itself answered 429, by a limit of its own or because a breaker was open: "
            "these answers do not count as sheds"
        )
    return ShedStatuses(
        (429, UNAVAILABLE),
        "the gateway itself answered 429 and never 503, and its policy has no limit that answers 429: "
        "these answers count as sheds",
    )


def _made_up_429s(tables: Iterable[pa.Table]) -> str:
    """Return how the gateway itself answered 429: `none`, `beside 503s` or `alone`."""
    seen: set[int] = set()
    marked = False
    for table in tables:
        origin = table["origin"].cast(pa.string())
        marked = marked or bool(pc.any(pc.equal(origin, "backend")).as_py())
        seen |= set(pc.unique(table["status"].filter(pc.equal(origin, "gateway"))).to_pylist())
    if 429 not in seen or not marked:
        return "none"
    return "beside 503s" if UNAVAILABLE in seen else "alone"
