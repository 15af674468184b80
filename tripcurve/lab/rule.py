"""A backend's circuit-breaker rule: the model of the lab's `breaker:` block, which the gateway also runs."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from tripcurve.durations import Seconds

__all__ = ["BreakerRule", "CheckedStatusRange", "StatusRange", "written_range"]


_HOW_TO_WRITE = "write one such as 429 or a range such as 500-599"


def _parse_range(value: Any) -> Any:
    """Return `429`, `"500-599"` or `[500, 599]` as a pair. Raises ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    if isinstance(value, str):
        low, dash, high = value.partition("-")
        try:
            return (int(low), int(high if dash else low))
        except ValueError:
            raise ValueError(f"{value[:80]!r} is not a status; {_HOW_TO_WRITE}") from None
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(end) is int for end in value):
        return tuple(value)
    raise ValueError(f"this is not a status; {_HOW_TO_WRITE}")


def _check_range(value: tuple[int, int]) -> tuple[int, int]:
    low, high = value
    if not 200 <= low <= high <= 599:
        raise ValueError(f"{low}-{high} is not a range within 200-599, lower end first")
    return value


def written_range(value: tuple[int, int]) -> int | str:
    """Return an inclusive range as it is written in a lab: `429`, or `500-599`."""
    low, high = value
    return low if low == high else f"{low}-{high}"


StatusRange = Annotated[
    tuple[int, int],
    BeforeValidator(_parse_range, json_schema_input_type=int | str),
    PlainSerializer(written_range, return_type=int | str),
]
"""An inclusive range of HTTP statuses, read from `429` or `500-599`."""

CheckedStatusRange = Annotated[StatusRange, AfterValidator(_check_range)]
"""A StatusRange that is within 200-599."""


class BreakerRule(BaseModel):
    """When a backend's breaker trips, and for how long.

    The bounds are those of ARM's schema (statuses 200-599, at most ten ranges and ten reasons) and, where ARM documents
    none, those of Terraform (count 1-10000, exactly one of count and percentage): no rule outside them is known to
    deploy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(
        "breaker", pattern=r"^[A-Za-z0-9-]{1,80}$", description="Rule name: 1-80 letters, digits, hyphens"
    )
    count: int | None = Field(None, ge=1, le=10_000, description="Failures within `interval` that trip the breaker")
    percentage: int | None = Field(
        None, ge=1, le=100, description="Failures in 100 answers within `interval` that trip it"
    )
    interval: Seconds = Field(..., gt=0, description="Length of the counting window")
    status_codes: tuple[StatusRange, ...] = Field(
        (), max_length=10, description="Statuses that are failures: 429, 500-599"
    )
    error_reasons: tuple[Annotated[str, Field(max_length=200)], ...] = Field((), max_length=10)
    trip_duration: Seconds = Field(..., gt=0, description="How long the breaker stays open")
    accept_retry_after: bool = Field(False, description="Take the time to stay open from the backend's Retry-After")

    failure_response: int | None = Field(
        None, ge=100, le=599, description="Status with which the open breaker answers; null: 503"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.count is None) == (self.percentage is None):
            raise ValueError("give exactly one of count and percentage")
        if not self.status_codes and not self.error_reasons:
            raise ValueError("give status_codes or error_reasons; without them nothing counts as a failure")
        for pair in self.status_codes:
            _check_range(pair)
        return self

    def counts_status(self, status: int) -> bool:
        """Return whether a backend's answer with this status is a failure."""
        return any(low <= status <= high for low, high in self.status_codes)
