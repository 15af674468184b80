"""The scenario: phases in which traffic and faults change together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tripcurve.documents import read_document
from tripcurve.durations import Seconds
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.lab.rule import BreakerRule
from tripcurve.scenario.checks import parse as parse_check
from tripcurve.scenario.clients import named_clients
from tripcurve.scenario.simulation import Behaviour, Simulation
from tripcurve.scenario.which import WhichText
from tripcurve.shipped import find_file
from tripcurve.suggestions import known_names

__all__ = [
    "BelowCount",
    "Bursts",
    "Fault",
    "Gamma",
    "Phase",
    "Probe",
    "Ramp",
    "Replay",
    "Scenario",
    "Tokens",
    "load_scenario",
    "read_scenario",
    "simulation_of",
]

SCENARIOS = "locustfiles/scenarios"
ONE_LOAD = "give exactly one of rate (requests per second), requests and users"


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True, allow_inf_nan=False
    )


class Ramp(_Part):
    """A value that changes linearly over its phase."""

    start: float = Field(..., alias="from", ge=0, le=100_000)
    end: float = Field(..., alias="to", ge=0, le=100_000)


class Fault(_Part):
    """How a backend answers during a phase. None means as it is configured."""

    status: int | None = Field(None, ge=200, le=599)
    wait_ms: float | None = Field(None, ge=0, le=600_000)
    retry_after_s: float | None = Field(None, ge=0, le=1_000_000)
    completion_tokens: int | None = Field(None, ge=0, le=100_000)
    chunk_ms: float | None = Field(None, ge=0, le=60_000)
    drop: Literal["before", "during"] | None = None
    share: float = Field(1.0, gt=0, le=1, description="Part of the phase's requests that carry the fault")
    which: WhichText | None = Field(
        None, description="Requests that get the fault, by their number in the phase: first 2, every 3rd, 4th to 6th"
    )
    per: Literal["backend", "instance"] = Field(
        "backend", description="With `which`: whether each gateway instance has a count of its own"
    )

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.which is not None and self.share < 1:
            raise ValueError("give share (a random part of the requests) or which (requests by their number), not both")
        if self.which is None and self.per != "backend":
            raise ValueError("per: says where requests are counted, so it needs `which`, such as `which: first 2`")
        return self

    def behaviour(self, counter: str = "") -> Behaviour:
        """Return the fault in the fields of the simulation object. `counter`: see `simulation_of`."""
        return Behaviour(
            response_status_code=self.status,
            wait_time_ms=self.wait_ms,
            retry_after_s=self.retry_after_s,
            completion_tokens=self.completion_tokens,
            chunk_ms=self.chunk_ms,
            drop=self.drop,
            which=self.which,
            per=self.per,
            counter="" if self.which is None else counter,
        )


class BelowCount(_Part):
    """A number of requests that depends on the lab's rule."""

    below_count: int = Field(..., ge=0, le=1000, description="How many fewer than the rule's count")


class Gamma(_Part):
    """Gamma-distributed gaps between requests."""

    cv: float = Field(
        ..., ge=0.05, le=10, description="Standard deviation of the gaps over their mean: 1 is Poisson, more is bursts"
    )


class Bursts(_Part):
    """Arrivals in bursts."""

    gamma: Gamma


class Phase(_Part):
    """One part of the run.

    It has exactly one of `rate`, `requests` (open loop) and `users` (closed loop), or none in a scenario with a trace.
    """

    name: str = Field(..., pattern=r"^[\w-]{1,40}$", description="Phase name: 1-40 letters, digits, _ and -")
    duration_s: Seconds = Field(..., alias="for", gt=0, le=7 * 86_400)
    rate: float | Ramp | None = Field(None, description="Requests per second, sent whether or not answers arrive")
    requests: int | BelowCount | None = Field(
        None,
        description="Number of requests in the phase, evenly spread from its start, however long it is",
    )
    users: int | Ramp | None = Field(None, description="Users that send one request after another")
    simulate: Mapping[str, Fault] = Field(
        default_factory=dict, description="Faults by backend name; `default` applies to all others"
    )

    @model_validator(mode="after")
    def _one_load(self) -> Self:
        loads = {name: getattr(self, name) for name in ("rate", "requests", "users")}
        given = [name for name, load in loads.items() if load is not None]
        if len(given) > 1:
            raise ValueError(ONE_LOAD)
        if not given:
            return self  # the scenario has a trace, or refuses this
        name, load = given[0], loads[given[0]]
        if isinstance(load, Ramp):
            if load.start == load.end == 0:
                raise ValueError(f"{name}: a ramp from 0 to 0 sends nothing")
        elif not isinstance(load, BelowCount) and load <= 0:
            raise ValueError(f"{name}: must be more than 0, not {load:g}; a phase without traffic observes nothing")
        return self

    @property
    def has_load(self) -> bool:
        """Whether the phase says how much traffic it has."""
        return (self.rate, self.requests, self.users) != (None, None, None)

    def rate_at(self, elapsed_s: float) -> float | None:
        """Return the requests per second at an instant of this phase; None in closed loop."""
        return None if self.rate is None else _load_at(self.rate, elapsed_s / self.duration_s)

    def users_at(self, elapsed_s: float) -> int | None:
        """Return the number of users at an instant of this phase; None in open loop."""
        return None if self.users is None else round(_load_at(self.users, elapsed_s / self.duration_s))

    def fitted(self, scale: float, count: int | None) -> Self:
        """Return the phase with its length scaled and its `requests` as a rate.

        `count` is the rule's count; None if the rule has none. Raises ValueError if no request is left.
        """
        changes: dict[str, float | None] = {"duration_s": self.duration_s * scale}
        if self.requests is not None:
            changes |= {"requests": None, "rate": _exact_rate(self._requests(count), self.duration_s * scale)}
        return self.model_copy(update=changes)

    def _requests(self, count: int | None) -> int:
        if not isinstance(self.requests, BelowCount):
            return self.requests or 0
        if count is None:
            raise ValueError("below_count needs a rule with a count")
        if count <= self.requests.below_count:
            raise ValueError(f"below_count {self.requests.below_count} leaves no request of a count of {count}")
        return count - self.requests.below_count


def _exact_rate(requests: int, duration_s: float) -> float:
    """Return the rate at which exactly `requests` evenly spread requests are due within the duration."""
    rate = requests / duration_s
    return rate if rate * duration_s <= requests else math.nextafter(rate, 0.0)


def _load_at(load: float | Ramp, progress: float) -> float:
    if isinstance(load, Ramp):
        return load.start + (load.end - load.start) * min(max(progress, 0.0), 1.0)
    return float(load)


class Replay(_Part):
    """A trace that is sent again instead of the loads of phases."""

    file: str = Field(
        ..., min_length=1, max_length=4096, description="CSV, JSON lines or Parquet with times, or a run directory"
    )
    speed: float = Field(1.0, gt=0, le=10_000, description="How much faster than in the trace time passes")
    rate: float = Field(1.0, gt=0, le=1000, description="How many requests are sent for each request of the trace")
    whole: bool = Field(False, description="Whether the last phase lasts until the end of the trace")


class Tokens(_Part):
    """Sizes of prompts and completions, in tokens."""

    prompt: int = Field(40, ge=1, le=100_000)
    completion: int = Field(20, ge=1, le=100_000, description="`max_tokens` of each request")


class Probe(_Part):
    """The steady rate of each ProbeUser, and the dense probes that time a breaker's reset."""

    rate: float = Field(5.0, gt=0, le=1000, description="Requests per second of each ProbeUser")
    sharpen: Seconds | None = Field(
        0.001, gt=0, le=60, description="Gap between probes of an open breaker near its expected reset; null for none"
    )
    budget: int = Field(200, ge=0, le=100_000, description="The most such probes of one open period")


class Scenario(_Part):
    """A scenario. Instances are immutable, every field is checked, and unknown keys are errors."""

    name: str = Field(
        ...,
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?$",
        description="Scenario name: 1-40 letters, digits and hyphens; no hyphen first or last",
    )
    description: str = ""
    trip_duration: Seconds | None = Field(
        None,
        gt=0,
        description="Trip duration that the phases are written for; they are scaled to the lab's",
    )
    interval: Seconds | None = Field(
        None, gt=0, description="Interval for which the phases are written, instead of trip_duration"
    )
    users: Mapping[str, Annotated[int, Field(ge=0, le=10_000)]] = Field(default_factory=lambda: {"ChatUser": 20})
    arrivals: Literal["constant", "poisson"] | Bursts = Field(
        "constant", description="How requests of a phase with a rate are spread: evenly, at random, or in bursts"
    )
    trace: Replay | None = Field(None, description="Traffic to send again; the phases then have no load of their own")
    seed: int = Field(0, ge=0, description="Seed of arrivals, prompts and shares; derived separately for each worker")
    timeout: Seconds = Field(30.0, gt=0, le=3600)
    max_retries: int = Field(0, ge=0, le=10, description="Retries of the OpenAI SDK and of clients that retry")
    tokens: Tokens = Tokens()
    cancel_after: Seconds = Field(
        1.0, gt=0, le=3600, description="When clients that cancel close the connection of a request without an answer"
    )
    probe: Probe = Probe()
    phases: tuple[Phase, ...] = Field(..., min_length=1, max_length=1000)
    checks: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _clients(cls, data: object) -> object:
        return named_clients(data)

    @field_validator("checks")
    @classmethod
    def _checks_parse(cls, checks: tuple[str, ...]) -> tuple[str, ...]:
        for check in checks:
            try:
                parse_check(check)
            except BadInput as error:
                raise ValueError(str(error)) from None
        return checks

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [phase.name for phase in self.phases]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"phases: two have the name {twice!r}; rows name their phase, so names must differ")
        for index, phase in enumerate(self.phases):
            if self.trace is None and not phase.has_load:
                raise ValueError(f"phases[{index}]: {ONE_LOAD}")
            if self.trace is not None and phase.has_load:
                raise ValueError(f"phases[{index}]: with a trace, phases have no rate, requests or users")
        if self.trip_duration is not None and self.interval is not None:
            raise ValueError("give trip_duration or interval, not both: phases are scaled by one of them")
        if self.arrivals != "constant" and any(phase.requests is not None for phase in self.phases):
            raise ValueError("arrivals: a phase with `requests` needs constant arrivals")
        open_loop = any(phase.users is None for phase in self.phases)
        if open_loop and not any(count for name, count in self.users.items() if name != "ProbeUser"):
            raise ValueError("users: a phase with a rate needs users to send it, such as {ChatUser: 20}")
        return self

    @property
    def distribution(self) -> Literal["constant", "poisson", "gamma", "trace"]:
        """How the arrivals of open-loop phases are spread."""
        if self.trace is not None:
            return "trace"
        return "gamma" if isinstance(self.arrivals, Bursts) else self.arrivals

    @property
    def duration_s(self) -> float:
        """The length of all phases together, s."""
        return sum(phase.duration_s for phase in self.phases)

    def resolved(self, lab: Lab) -> Scenario:
        """Return the scenario for a lab: phases scaled to its rule, backends' names checked.

        Scaling multiplies every phase's length by the lab's longest trip duration over `trip_duration`, or by
        its longest interval over `interval`; rates and numbers of requests stay. Raises BadInput for a backend the
        lab does not have, and for a number of requests that becomes 0 with the lab's rule.
        """
        known = {backend.name for backend in lab.backends}
        for index, phase in enumerate(self.phases):
            for name in phase.simulate:
                if name not in known and name != "default":
                    others = known_names(name, known, "its backends (`default` means any)")
                    raise BadInput(
                        f"scenario {self.name}: phases[{index}].simulate.{name}: lab {lab.name} has no such backend"
                        f"{others}"
                    )
        rules = [backend.breaker for backend in lab.backends if backend.breaker is not None]
        scale, written_for = self._scale(rules)
        counts = [rule.count for rule in rules if rule.count is not None]
        phases = []
        for index, phase in enumerate(self.phases):
            try:
                phases.append(phase.fitted(scale, min(counts, default=None)))
            except ValueError as error:
                raise BadInput(f"scenario {self.name}: phases[{index}].requests: lab {lab.name}: {error}") from None
        return self.model_copy(update={"phases": tuple(phases), **written_for})

    def _scale(self, rules: Sequence[BreakerRule]) -> tuple[float, dict[str, float]]:
        """Return the factor for the phases' lengths and the updated `trip_duration` or `interval`; 1 without a rule."""
        for name in ("trip_duration", "interval"):
            written = getattr(self, name)
            if rules and written is not None:
                longest: float = max(getattr(rule, name) for rule in rules)
                return longest / written, {name: longest}
        return 1.0, {}

    def phase_at(self, elapsed_s: float) -> tuple[int, float] | None:
        """Return the phase's index and the seconds into it; None outside the phases."""
        begin = 0.0
        for index, phase in enumerate(self.phases):
            if begin <= elapsed_s < begin + phase.duration_s:
                return index, elapsed_s - begin
            begin += phase.duration_s
        return None


def simulation_of(phase: Phase, lab: Lab, counter: str = "") -> Simulation | None:
    """Return the simulation header of a phase, keyed by host; None if the phase simulates nothing.

    A fault's `share` is not in it: the sender adds the header to that share of the requests. `counter` names the count
    of requests for faults with `which`; backends begin a new count for each name.
    """
    if not phase.simulate:
        return None
    hosts = {backend.name: backend.host for backend in lab.backends}
    return Simulation({hosts.get(name, "default"): fault.behaviour(counter) for name, fault in phase.simulate.items()})


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file without fitting it to a lab. Raises BadInput naming file, field and remedy."""
    return read_document(path, Scenario, "scenario")


def load_scenario(name: str | Path, lab: Lab) -> Scenario:
    """Read the scenario in a file, or a built-in one by its name, and resolve it against a lab.

    Raises BadInput naming file, field and remedy.
    """
    path = find_file(name, SCENARIOS, ".yaml", "scenario")
    scenario = read_scenario(path)
    try:
        return scenario.resolved(lab)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
