"""The part `instances` of summary.json: how many instances the gateway has, each with a breaker for every backend."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Instances"]

Count = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Instances(BaseModel):
    """How many instances the gateway has, each with a breaker of its own for every backend, as far as the run shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stated: Count | None = Field(description="the lab's number of units; null: unknown")
    estimate: Count | None = Field(description="the most likely number; null: none is likely enough")
    probability: Probability | None = Field(description="that of the most likely number; null: the run shows nothing")
    certain: bool = Field(description="whether the estimate is beyond doubt, if the rule is the lab's")
    candidates: dict[str, Probability] = Field(description="each possible number with its probability")
    reason: str | None = Field(description="why the estimate is not certain; null: it is")
