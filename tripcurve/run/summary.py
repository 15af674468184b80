"""summary.json as models: the results that a report has for a run. The published JSON schema is generated from them.

Times are seconds from the run's start unless a name gives another unit. None: not observed, or not defined.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tripcurve.lab.rule import BreakerRule
from tripcurve.run.capacity import Capacity, Headroom, LittlesLaw, Step
from tripcurve.run.instances import Instances
from tripcurve.run.probing import Probing
from tripcurve.run.retries import Retries
from tripcurve.run.stimulus import Stimulus

__all__ = [
    "SUMMARY_VERSION",
    "Accuracy",
    "Capacity",
    "CheckOutcome",
    "FewQuantiles",
    "Finding",
    "Headroom",
    "Instants",
    "Label",
    "Latency",
    "LittlesLaw",
    "Measured",
    "Pacing",
    "Phase",
    "Problem",
    "Quantiles",
    "Requests",
    "Spread",
    "Step",
    "Summary",
    "Tokens",
    "Trip",
    "TrueTrip",
    "Verdict",
]

SUMMARY_VERSION: Final = 1

Number = int | float
Count = Annotated[int, Field(ge=0)]
Bounds = tuple[Number, Number]


class _Closed(BaseModel):
    """A part whose keys are all known."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class _Open(BaseModel):
    """A part to which recorders and later versions may add keys."""

    model_config = ConfigDict(frozen=True, extra="allow", from_attributes=True)


class Requests(_Closed):
    """How many requests there were, by status and by who answered, and how many started per second."""

    total: Count
    by_status: dict[str, Count]
    by_origin: dict[str, Count]
    rate_s: Number | None
    broken: Count = Field(0, description="2xx answers that were cut short or were not what the API answers")
    canceled: Count = Field(0, description="requests whose client closed the connection before an answer came")


class Quantiles(_Closed):
    """Latency quantiles of `n` requests, ms; each is a latency that occurred."""

    n: Count
    p50: Number | None
    p90: Number | None
    p95: Number | None
    p99: Number | None
    p999: Number | None
    max: Number | None


class FewQuantiles(_Closed):
    """Median and 99th percentile of `n` values, ms."""

    n: Count
    p50: Number | None
    p99: Number | None


class Latency(_Closed):
    """Latency by the side that answered."""

    backend: Quantiles
    gateway: Quantiles


class Phase(_Closed):
    """How the requests of one phase ended."""

    phase: str
    requests: Count
    rate_s: Number | None
    ok: Count
    throttled: Count
    shed: Count
    no_response: Count
    canceled: Count = Field(0, description="no answer came before the client closed the connection")
    other: Count
    ok_latency_ms: FewQuantiles


class Measured(_Closed):
    """An instant, the largest possible distance of the true instant from it, and the kind of evidence.

    `by` is `cause` if arrivals of failures that can have tripped the breaker bound it, and `proof` if requests that
    show the breaker's state do. The three keys are missing from summaries of versions before 0.2.
    """

    estimate: Number
    half_width: Annotated[Number, Field(ge=0)]
    low: Number | None = None
    high: Number | None = None
    by: Literal["cause", "proof"] | None = None


class Instants(_Closed):
    """A value for the trip and one for the reset: the true instants, or the errors of the measured ones."""

    tripped_s: Number | None
    reset_s: Number | None


class Trip(_Open):
    """One trip as measured; docs/measures.md defines the measures. Times are seconds from the run's start.

    None means not observed, or not defined for this trip. `unit` is None if several units share the backend and the one
    that tripped is not known. `bounds`: by a measure's name, the least and the most that its true value can be. `truth`
    and `error_s` (measured minus true) are None if the target does not record its trips.
    """

    backend: str | None
    unit: Count | None
    tripped_s: Measured | None
    reset_s: Measured | None
    time_to_trip_s: Number | None
    failures_to_trip: Count | None
    failures_bounds: tuple[Count, Count] | None
    first_shed_s: Number | None
    full_shed_s: Measured | None
    partial_shed_share: Number | None
    overshoot: Count | None
    open_s: Number | None
    open_error_s: Number | None
    recovery_latency_s: Number | None
    restored_s: Number | None
    outage_s: Number | None
    throttled: Count
    shed: Count
    retrip: bool
    truth: Instants | None
    error_s: Instants | None
    bounds: dict[str, Bounds]

    @property
    def errors(self) -> dict[str, tuple[Measured, Number]]:
        """The measured instants whose truth is known, by name, each with its error (measured minus true, s)."""
        if self.error_s is None:
            return {}
        found = {
            "tripped_s": (self.tripped_s, self.error_s.tripped_s),
            "reset_s": (self.reset_s, self.error_s.reset_s),
        }
        return {name: (one, error) for name, (one, error) in found.items() if one is not None and error is not None}


class TrueTrip(_Closed):
    """A trip in the gateway's own record. `reset_s` is None if the breaker was still open at the end."""

    backend: str
    unit: Count | None
    tripped_s: Number
    reset_s: Number | None


class Tokens(_Closed):
    """Tokens that `n` answers reported."""

    prompt: Count
    completion: Count
    per_minute: Number | None
    n: Count


class Pacing(_Open):
    """How well the load was delivered. None means that the run has no such record."""

    intended: Count | None
    sent: Count | None
    late_p99_ms: Number | None
    dropped: Count | None


class Accuracy(_Closed):
    """Measured instants against the gateway's record. `outside` counts errors larger than the half-width."""

    n: Count
    median_error_s: Number | None
    max_error_s: Number | None
    outside: Count | None


class Finding(_Closed):
    """One part of one rule, configured against observed. `remedy` is a scenario that would show it; None if shown."""

    backend: str
    part: str
    configured: str
    observed: str
    verdict: Literal["confirmed", "contradicted", "not shown"]
    remedy: str | None


class Spread(_Closed):
    """A measure over the `n` trips in which it was observed."""

    n: Count
    min: Number | None
    median: Number | None
    max: Number | None


class CheckOutcome(_Closed):
    """A check and the value it found. `value` None: not observed; then `reason` says why it passed or failed."""

    expression: str
    value: Number | None
    passed: bool
    reason: str | None = None


ProblemKind = Literal[
    "target lost", "not recorded", "key refused", "broken answers", "load not delivered", "workers lost", "interrupted"
]
Label = Literal["good", "as configured", "not good", "not shown", "not valid", "target lost"]


class Problem(_Closed):
    """A problem of the run itself, which matters more than its observations. `text`: a clause without a full stop."""

    kind: ProblemKind
    text: str


class Verdict(_Closed):
    """The judgement of a run, which every report and message shows and which sets the exit code.

    `reasons`: clauses, the most important first, never empty. `exit_code`: 0 fine, 1 a check failed, 3 the target was
    lost, 4 the run is not a valid measurement, 130 it was interrupted.
    """

    label: Label
    symbol: str
    sentence: str
    reasons: tuple[str, ...]
    exit_code: int


class Summary(_Open):
    """The content of summary.json, in the order of the file."""

    version: Literal[1] = Field(alias="schema")
    tripcurve: str
    lab: str
    scenario: str
    target: str
    interrupted: bool
    start_ns: int = Field(description="the start of the run, unix ns")
    duration_s: Number
    requests: Requests
    latency_ms: Latency = Field(description="from the moment of sending")
    latency_intended_ms: Latency = Field(description="from the instant at which the request was due")
    first_token_ms: Quantiles
    token_gap_ms: FewQuantiles
    phases: tuple[Phase, ...]
    sheds: Count
    sheds_by_status: dict[str, Count] = Field({}, description="the gateway's answers while a breaker was open")
    throttles: Count
    ratio_503_429: Number | None
    absorption: Number | None
    trips: tuple[Trip, ...]
    retrips: Count
    unobserved_trips: tuple[TrueTrip, ...] = Field(description="trips in the gateway's record that no request shows")
    truth_known: bool
    unobservable: str | None = Field(None, description="why no breaker can be observed from outside; null: it can")
    retries: Retries | None = Field(None, description="null: no client could retry, or it was not counted")
    tokens: Tokens
    pacing: Pacing
    stimulus: Stimulus | None = Field(None, description="null: a version before 0.2 wrote the summary")
    probing: Probing | None = Field(None, description="null: the run is simulated, or a version before 0.2 made it")
    instances: Instances | None = Field(None, description="null: as many as the lab states, and the run agrees")
    accuracy: Accuracy
    rule: dict[str, BreakerRule] = Field(description="the rule of each backend that has one")
    conformance: tuple[Finding, ...]
    capacity: Capacity | None = Field(description="null: the scenario is not one of rising steps")
    local_options: dict[str, JsonValue]
    counts: dict[str, JsonValue]
    workers: tuple[dict[str, JsonValue], ...]
    notes: tuple[str, ...]
    time_to_trip_s: Spread
    open_s: Spread
    open_error_s: Spread
    recovery_latency_s: Spread
    restored_s: Spread
    outage_s: Spread
    checks: tuple[CheckOutcome, ...]
    problems: tuple[Problem, ...] = ()
    verdict: Verdict | None = Field(None, description="null: a version before 0.2 wrote the summary")

    def as_written(self) -> dict[str, JsonValue]:
        """Return the content of the file as JSON values."""
        return self.model_dump(mode="json", by_alias=True)
