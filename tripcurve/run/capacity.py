"""The capacity of a gateway, as summary.json and capacity.json have it: steps of rising load and what they show."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Capacity", "Headroom", "LittlesLaw", "Step"]

Number = int | float
Count = Annotated[int, Field(ge=0)]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class LittlesLaw(_Closed):
    """A step's rate by Little's law: the mean number of requests under way over their mean latency.

    `differs_share`: by how much it is above (or, negative, below) the counted rate, as a fraction of that.
    """

    in_flight: Number
    mean_ms: Number
    rate_s: Number
    differs_share: Number
    agrees: bool


class Step(_Closed):
    """One phase of a rising load. `n`: requests. Rates are per second of its own time.

    `ok_share`: the share of 2xx; `ok_low`: the lower end of its 95 % interval. `p50_ms` and `p99_ms`: of 2xx, from the
    intended start; None: no request succeeded. `cause`: why the step was not carried; None: it was.
    `certain`: whether it has enough requests to be 95 % sure of that. `certain` and `little` None: not known.
    """

    phase: str
    n: Count
    seconds: Number
    offered_s: Number
    served_s: Number
    shed_s: Number
    throttled_s: Number
    failed_s: Number
    tokens_per_minute: Number
    ok_share: Number
    ok_low: Number
    p50_ms: Number | None
    p99_ms: Number | None
    trips: Count
    cause: str | None
    certain: bool | None = None
    little: LittlesLaw | None = None


class Headroom(_Closed):
    """A quota summed over all backends that have it, how much the highest carried step used, and the share left."""

    quota: str
    limit: Number
    used: Number
    left_share: Number


class Capacity(_Closed):
    """How much load was carried. `carried` None: not even the lowest step was. `failed` None: all steps were.

    `low_s` and `high_s`: the 95 % interval of the capacity, requests per second: the highest rate that was certainly
    carried, and the lowest one above it that certainly was not; None: there is no such step.
    """

    carried: Step | None
    failed: Step | None
    curve: tuple[Step, ...]
    headroom: tuple[Headroom, ...]
    confidence: str
    low_s: Number | None = None
    high_s: Number | None = None
