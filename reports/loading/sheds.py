"""Finds the statuses with which a gateway answers while a breaker is open: its own answers with these are sheds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tripcurve.gateways import UNAVAILABLE, GatewayProfile

__all__ = ["ShedStatuses", "shed_statuses"]


@dataclass(frozen=True)
class ShedStatuses:
    """The statuses with which the gateway's own answers are classified as sheds.

    `doubt`: a sentence for the report if the statuses are not certain; None: they are. `other_errors`: error classes of
    its own answers that have such a status and are no sheds.
    """

    statuses: tuple[int, ...] = (UNAVAILABLE,)
    doubt: str | None = None
    other_errors: tuple[str, ...] = field(default=())

    def among(self, table: pa.Table) -> pa.Array:
        """Return which rows of a table are sheds, shape (rows,)."""
        made_up = pc.equal(table["origin"].cast(pa.string()), "gateway")
        found = pc.and_(made_up, pc.is_in(table["status"], pa.array(self.statuses, pa.int16())))
        if self.other_errors:
            other = pc.is_in(table["error"].cast(pa.string()), pa.array(self.other_errors, pa.string()))
            found = pc.and_(found, pc.invert(other))
        return found.combine_chunks()

    def hold(self, status: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Return which of these statuses are those of sheds, in the same shape."""
        found: npt.NDArray[np.bool_] = np.isin(status, self.statuses)
        return found


def shed_statuses(profile: GatewayProfile, tables: Iterable[pa.Table]) -> ShedStatuses:
    """Return the statuses of sheds: those that the profile states or, with a doubt, further ones seen in the run."""
    stated, others = profile.shed_statuses, tuple(sorted(profile.no_shed))
    if not profile.possible_sheds:
        return ShedStatuses(stated, other_errors=others)
    seen = _own_statuses(tables)
    further = [status for status in profile.possible_sheds if status in seen]
    if not further:
        return ShedStatuses(stated, other_errors=others)
    which = " or ".join(map(str, further))
    if profile.may_limit or seen & set(stated):
        doubt = (
            f"the gateway itself answered {which}, by a limit of its own or because a breaker was open: "
            "these answers do not count as sheds"
        )
        return ShedStatuses(stated, doubt, others)
    never = " or ".join(map(str, stated))
    doubt = (
        f"the gateway itself answered {which} and never {never}, and its {profile.settings} has no limit that answers "
        f"{which}: these answers count as sheds"
    )
    return ShedStatuses(tuple(sorted({*further, *stated})), doubt, others)


def _own_statuses(tables: Iterable[pa.Table]) -> set[int]:
    """Return the statuses that the gateway itself answered with, or none if no backend's answer is marked."""
    seen: set[int] = set()
    marked = False
    for table in tables:
        origin = table["origin"].cast(pa.string())
        marked = marked or bool(pc.any(pc.equal(origin, "backend")).as_py())
        seen |= set(pc.unique(table["status"].filter(pc.equal(origin, "gateway"))).to_pylist())
    return seen if marked else set()
