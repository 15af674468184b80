"""The part of summary.json on the dense probes that timed the resets."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Probing"]

Count = Annotated[int, Field(ge=0)]
Number = int | float


class Probing(BaseModel):
    """The dense probes that timed the resets. No figure of the traffic counts them."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    sharpen_s: Number | None = Field(description="the gap that was asked for, s; null: they were turned off")
    budget: Count | None = Field(description="the most probes of one open period")
    requests: Count
    answered: Count = Field(description="how many of them a backend answered")
    resets: Count = Field(description="open periods that were probed, or should have been")
    outcomes: dict[str, Count] = Field(
        description="periods by how the reset came: as expected, early, late, not expected (no rule says when), "
        "budget spent, or run ended"
    )
    gap_ms: Number | None = Field(description="median time between two probes; null: no period had two")
    reason: str | None = Field(description="why there were none, no more, or fewer than asked; null: nothing failed")
