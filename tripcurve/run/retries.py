"""The part of summary.json on clients that retry."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Calls", "Retries"]

Count = Annotated[int, Field(ge=0)]
Number = int | float


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class Calls(_Closed):
    """The calls of clients that retry, in one phase: those that began in it, and the attempts that were sent in it."""

    phase: str
    calls: Count
    attempts: Count
    attempts_per_call: Number | None


class Retries(_Closed):
    """How much clients that retry amplified the load."""

    calls: Count
    attempts: Count
    attempts_per_call: Number | None
    phases: tuple[Calls, ...]
