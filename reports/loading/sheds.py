"""Finds the statuses with which a gateway answers while a breaker is open: its own answers with these are sheds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tripcurve.errors import BadInput
from tripcurve.lab import POLICIES, Lab
from tripcurve.shipped import find_file

__all__ = ["UNAVAILABLE", "ShedStatuses", "shed_statuses"]

UNAVAILABLE = 503
"""The status of a shed, unless the rule or the policy sets another [SPEC26]."""

_SECTION = re.compile(r"<(?:on-error|outbound)>.*?</(?:on-error|outbound)>", re.DOTALL)
_SET_STATUS = re.compile(r"<set-status\b[^>]*\bcode=\"(\d{3})\"")
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
    stated = _stated(lab)
    if stated - {UNAVAILABLE}:
        return ShedStatuses(tuple(sorted(stated)))
    made_up = _made_up_429s(tables)
    if made_up == "none":
        return ShedStatuses()
    policy = _policy(lab)
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


def _stated(lab: Lab) -> set[int]:
    """Return 503 and the statuses that the rules and the policy set for sheds. The policy's replace the rule's."""
    rules = [backend.breaker for backend in lab.backends if backend.breaker is not None]
    found = {rule.failure_response for rule in rules if rule.failure_response is not None}
    policy = _policy(lab) or ""
    for section in _SECTION.findall(policy):
        found |= {int(code) for code in _SET_STATUS.findall(section) if int(code) >= 400}
    return found | {UNAVAILABLE}


def _policy(lab: Lab) -> str | None:
    """Return the lab's policy document, or None if it cannot be read."""
    try:
        return find_file(lab.api.policy, POLICIES, ".xml", "policy").read_text("utf-8", errors="replace")
    except (BadInput, OSError):
        return None


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
