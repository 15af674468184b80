"""The content of a capacity report: what was offered and served, where latency rises, what limits, what is left.

`Subject` is one search, run or log; a report has one, and may have others beside it, such as another lab or date.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from reports.statistics.capacity_steps import StepFigures
from reports.statistics.knee import Knee
from reports.statistics.limiting_cause import Cause
from tripcurve import __version__
from tripcurve.run.summary import Capacity

__all__ = ["CapacityReport", "Cost", "Prices", "Simulated", "Subject", "cost_of"]

VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Prices(_Part):
    """Prices. Those of tokens are per million; `hour` is for the whole deployment, as of provisioned units."""

    input: float | None = Field(None, ge=0, description="Per million prompt tokens")
    output: float | None = Field(None, ge=0, description="Per million completion tokens")
    hour: float | None = Field(None, ge=0, description="Per hour, whatever is used")
    currency: str = Field("USD", pattern=r"^[A-Za-z€$£¥]{1,5}$", description="Shown after each amount")


class Cost(_Part):
    """What the carried load costs, in `currency`. `per_million_tokens`: of prompt and completion tokens together."""

    currency: str
    per_hour: float
    per_1000_requests: float
    per_million_tokens: float


class Simulated(_Part):
    """The capacity of a lab in the simulator. `change`: how the lab differs; None: not at all, for comparison.

    `carried_s` and `tokens_per_minute` None: not even the lowest rate was carried. `failed_s` None: the highest rate
    that was tried was carried too.
    """

    change: str | None
    carried_s: float | None
    failed_s: float | None
    tokens_per_minute: float | None
    cause: Cause


class Subject(_Part):
    """One search, run or log. `lab`, `scenario` and `target` None: a log does not say. `started` None: not known.

    `success`: the share of 2xx that a carried step needs. `window_s` None: steps are phases, or probes of a search.
    `cost` None: no price is given, or no answer reported tokens. `simulated`: the lab as it is, then changed.
    """

    name: str
    source: Literal["search", "run", "log"]
    path: str
    lab: str | None
    scenario: str | None
    target: str | None
    started: datetime | None
    success: float
    window_s: float | None
    capacity: Capacity
    steps: tuple[StepFigures, ...]
    knee: Knee
    cause: Cause
    cost: Cost | None = None
    simulated: tuple[Simulated, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def highest(self) -> StepFigures | None:
        """The figures of the highest carried step; None: no step was carried."""
        carried = self.capacity.carried
        return None if carried is None else next((step for step in self.steps if step.step == carried), None)

    @property
    def limit_reached(self) -> bool:
        """Whether the limit is the target's: a rate was not carried, for a reason other than the load generator."""
        return self.capacity.failed is not None and self.cause.kind != "load generator"


class CapacityReport(_Part):
    """A report. `beside`: other labs or dates to compare with."""

    subject: Subject
    beside: tuple[Subject, ...] = ()

    @property
    def subjects(self) -> tuple[Subject, ...]:
        return (self.subject, *self.beside)

    def as_written(self) -> dict[str, JsonValue]:
        """Return the content of capacity.json. The keys of `Capacity` are those of the subject itself."""
        head: dict[str, JsonValue] = {"schema": VERSION, "tripcurve": __version__}
        return head | _plain(self.subject) | {"beside": [_plain(subject) for subject in self.beside]}


def _plain(subject: Subject) -> dict[str, JsonValue]:
    capacity = subject.capacity.model_dump(mode="json")
    plain = subject.model_dump(mode="json", exclude={"capacity"})
    started = subject.started.astimezone(UTC).isoformat() if subject.started is not None else None
    return capacity | plain | {"started": started, "limit_reached": subject.limit_reached}


def cost_of(step: StepFigures | None, prices: Prices | None) -> Cost | None:
    """Return what the load of a step costs; None if there is no step, no price, or no answer reported tokens."""
    if step is None or prices is None:
        return None
    tokens_s = step.tokens_in_s + step.tokens_out_s
    if not tokens_s or not step.step.served_s:
        return None
    used_s = ((prices.input or 0) * step.tokens_in_s + (prices.output or 0) * step.tokens_out_s) / 1e6
    each_s = used_s + (prices.hour or 0) / 3600
    return Cost(
        currency=prices.currency,
        per_hour=each_s * 3600,
        per_1000_requests=each_s / step.step.served_s * 1000,
        per_million_tokens=each_s / tokens_s * 1e6,
    )
