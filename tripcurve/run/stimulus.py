"""The part `stimulus` of summary.json: the load that was sent, phase by phase, compared with the configured one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["GapTest", "Lateness", "PhaseStimulus", "Rate", "Stimulus"]

Count = Annotated[int, Field(ge=0)]
Number = int | float


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rate(_Part):
    """`n` arrivals as a rate per second, and the interval of the configured rates that fit this number."""

    n: Count
    per_s: Number
    low: Number
    high: Number


class Lateness(_Part):
    """How much later than due `n` requests were sent, ms. None: there were none."""

    n: Count
    p50: Number | None
    p99: Number | None
    max: Number | None


class GapTest(_Part):
    """A test of the gaps between arrivals. A gap is counted in mean gaps of the rate configured at that instant."""

    kind: Literal["evenness", "kolmogorov-smirnov"]
    n: Count = Field(description="number of gaps")
    statistic: Number = Field(
        description="evenness: standard deviation of the gaps over their mean, 0 if all are equal; "
        "kolmogorov-smirnov: largest distance between the observed and the configured distribution"
    )
    p_value: Number | None = Field(description="null: evenness has none")
    passed: bool


class PhaseStimulus(_Part):
    """The load of one phase, compared with the configured one."""

    phase: str
    seconds: Number = Field(description="length of the phase, or of the part that the run reached")
    arrivals: str | None = Field(description="configured distribution of the arrivals; null: closed loop")
    configured_s: Number | None = Field(description="configured arrivals per second, on average; null: closed loop")
    offered: Rate | None = Field(description="arrivals that were due: sent, dropped or missed; null: not recorded")
    sent: Rate | None = Field(description="arrivals that were sent; null: closed loop, or not recorded")
    late_ms: Lateness
    dropped: Count | None = Field(description="arrivals dropped because no user was free in time; null: not recorded")
    missed: Count | None = Field(
        description="arrivals not sent because a worker died or did not hear of its share in time; null: not recorded"
    )
    gaps: GapTest | None = Field(description="null: not tested")
    as_configured: bool | None = Field(description="null: not judged")
    reason: str | None = Field(description="why the phase is not as configured, or not judged; null: as configured")


class Stimulus(_Part):
    """The load of every phase that the run reached. Probes are left out: they are not part of the load."""

    level: Number = Field(description="probability that a phase sent as configured is judged not to be, by each test")
    as_configured: bool | None = Field(description="null: no phase was judged")
    sentence: str
    phases: tuple[PhaseStimulus, ...]
