"""The result of `tripcurve compare-gateways` as models: one scenario against several kinds of gateways."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = ["COMPARISON", "GATEWAY_RUNS", "Compared", "Figure", "GatewayComparison", "GatewayRun", "GatewayRuns"]

GATEWAY_RUNS = "gateways.json"
"""Which kinds were run, in the folder of a comparison."""
COMPARISON = "comparison.json"

Number = int | float


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GatewayRun(_Part):
    """One kind of the comparison. `run`: the name of its run's folder; None: it was not run, for this `reason`."""

    kind: str
    title: str
    run: str | None = None
    reason: str | None = None


class GatewayRuns(_Part):
    """The content of GATEWAY_RUNS."""

    lab: str
    scenario: str
    gateways: tuple[GatewayRun, ...]


class Figure(_Part):
    """One figure with its error. All are None if it is not known, for this `reason`."""

    value: Number | None = None
    low: Number | None = Field(None, description="the least that the true value can be")
    high: Number | None = None
    n: int | None = Field(None, description="how many trips or requests it was computed from")
    reason: str | None = None


class Compared(_Part):
    """The figures of one kind of gateway, and the lab's rule in its own terms.

    `rule` is by the backend's name. `version`: of the gateway's program, if it is known.
    """

    kind: str
    title: str
    run: str | None
    reason: str | None = None
    version: str | None = None
    rule: dict[str, dict[str, JsonValue]] = {}
    not_expressed: tuple[str, ...] = ()
    verdict: str | None = None
    problems: tuple[str, ...] = Field((), description="why the figures are not reliable; empty: they are")
    trips: int | None = None
    figures: dict[str, Figure] = {}


class GatewayComparison(_Part):
    """The content of COMPARISON: the kinds in the order in which they were asked for."""

    lab: str
    scenario: str
    gateways: tuple[Compared, ...]
