"""The scenario: phases in which traffic and faults change together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tripcurve.checks import parse as parse_check
from tripcurve.documents import read_document
from tripcurve.durations import Seconds
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.shipped import find_file
from tripcurve.simulation import Behaviour, Simulation

__all__ = ["Fault", "Phase", "Probe", "Ramp", "Scenario", "Tokens", "load_scenario", "simulation_of"]

SCENARIOS = "locustfiles/scenarios"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Ramp(_Part):
    """A value that moves in a straight line over its phase."""

    start: float = Field(..., alias="from", ge=0, le=100_000)
    end: float = Field(..., alias="to", ge=0, le=100_000)


class Fault(_Part):
    """What a backend is told to do during a phase. None: as it is configured."""

    status: int | None = Field(None, ge=200, le=599)
    wait_ms: float | None = Field(None, ge=0, le=600_000)
    retry_after_s: float | None = Field(None, ge=0, le=1_000_000)
    completion_tokens: int | None = Field(None, ge=0, le=100_000)
    chunk_ms: float | None = Field(None, ge=0, le=60_000)
    drop: Literal["before", "during"] | None = None
    share: float = Field(1.0, gt=0, le=1, description="Part of the phase's requests that carry the fault")

    def behaviour(self) -> Behaviour:
        """The same as the simulation object has it."""
        return Behaviour(
            response_status_code=self.status,
            wait_time_ms=self.wait_ms,
            retry_after_s=self.retry_after_s,
            completion_tokens=self.completion_tokens,
            chunk_ms=self.chunk_ms,
            drop=self.drop,
        )


class Phase(_Part):
    """A stretch of the run. Exactly one of `rate` (open loop) and `users` (closed loop)."""

    name: str = Field(..., pattern=r"^[\w-]{1,40}$")
    duration_s: Seconds = Field(..., alias="for", gt=0, le=7 * 86_400)
    rate: float | Ramp | None = Field(None, description="Requests per second, whether or not answers come")
    users: int | Ramp | None = Field(None, description="Users that send one request after another")
    simulate: Mapping[str, Fault] = Field(
        default_factory=dict, description="Faults by backend name; `default`: any other"
    )

    @model_validator(mode="after")
    def _one_load(self) -> Self:
        if (self.rate is None) == (self.users is None):
            raise ValueError("give exactly one of rate (requests per second) and users")
        name = "rate" if self.users is None else "users"
        load = self.rate if self.users is None else self.users
        if isinstance(load, Ramp):
            if load.start == load.end == 0:
                raise ValueError(f"{name}: a ramp from 0 to 0 sends nothing")
        elif load is not None and load <= 0:
            raise ValueError(f"{name}: must be more than 0, not {load:g}; a phase without traffic observes nothing")
        return self

    def rate_at(self, elapsed_s: float) -> float | None:
        """Requests per second at an instant of this phase; None in closed loop."""
        return None if self.rate is None else _load_at(self.rate, elapsed_s / self.duration_s)

    def users_at(self, elapsed_s: float) -> int | None:
        """Users at an instant of this phase; None in open loop."""
        return None if self.users is None else round(_load_at(self.users, elapsed_s / self.duration_s))


def _load_at(load: float | Ramp, progress: float) -> float:
    if isinstance(load, Ramp):
        return load.start + (load.end - load.start) * min(max(progress, 0.0), 1.0)
    return float(load)


class Tokens(_Part):
    """Sizes of prompts and completions, in tokens."""

    prompt: int = Field(40, ge=1, le=100_000)
    completion: int = Field(20, ge=1, le=100_000, description="`max_tokens` of each request")


class Probe(_Part):
    """The steady pulse of each ProbeUser."""

    rate: float = Field(5.0, gt=0, le=1000, description="Requests per second of each ProbeUser")


class Scenario(_Part):
    """A whole scenario. Frozen; every field checked; unknown keys are errors."""

    name: str = Field(..., pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?$")
    description: str = ""
    trip_duration: Seconds | None = Field(
        None, gt=0, description="The phases are written for a rule that stays open this long, and scaled to the lab's"
    )
    users: Mapping[str, Annotated[int, Field(ge=0, le=10_000)]] = Field(default_factory=lambda: {"ChatUser": 20})
    arrivals: Literal["constant", "poisson"] = "constant"
    seed: int = Field(0, ge=0, description="Seed of arrivals, prompts and shares; derived anew for each worker")
    timeout: Seconds = Field(30.0, gt=0, le=3600)
    max_retries: int = Field(0, ge=0, le=10, description="Retries of the OpenAI SDK and of clients that retry")
    tokens: Tokens = Tokens()
    probe: Probe = Probe()
    phases: tuple[Phase, ...] = Field(..., min_length=1, max_length=1000)
    checks: tuple[str, ...] = ()

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
            raise ValueError(f"phases: two are named {twice!r}; a record names its phase, so each needs its own")
        open_loop = any(phase.rate is not None for phase in self.phases)
        if open_loop and not any(count for name, count in self.users.items() if name != "ProbeUser"):
            raise ValueError("users: a phase with a rate needs users to send it, such as {ChatUser: 20}")
        return self

    @property
    def duration_s(self) -> float:
        return sum(phase.duration_s for phase in self.phases)

    def resolved(self, lab: Lab) -> Scenario:
        """The scenario as it runs on a lab: phases scaled to its rule, backends' names checked.

        Scaling multiplies every phase's length by the lab's longest trip duration over
        `trip_duration`; rates stay. Raises BadInput for a backend the lab does not have.
        """
        known = {backend.name for backend in lab.backends}
        for index, phase in enumerate(self.phases):
            for name in phase.simulate:
                if name not in known and name != "default":
                    raise BadInput(
                        f"scenario {self.name}: phases[{index}].simulate.{name}: lab {lab.name} has no such backend; "
                        f"it has: {', '.join(sorted(known))} (or `default` for any)"
                    )
        longest = max((b.breaker.trip_duration for b in lab.backends if b.breaker is not None), default=None)
        if self.trip_duration is None or longest is None:
            return self
        scale = longest / self.trip_duration
        phases = tuple(p.model_copy(update={"duration_s": p.duration_s * scale}) for p in self.phases)
        return self.model_copy(update={"phases": phases, "trip_duration": longest})

    def phase_at(self, elapsed_s: float) -> tuple[int, float] | None:
        """Index of the phase and seconds into it; None before the start and from the end on."""
        begin = 0.0
        for index, phase in enumerate(self.phases):
            if begin <= elapsed_s < begin + phase.duration_s:
                return index, elapsed_s - begin
            begin += phase.duration_s
        return None


def simulation_of(phase: Phase, lab: Lab) -> Simulation | None:
    """The simulation header of a phase, keyed by host; None when the phase simulates nothing.

    Shares are left to the sender: it sends the header, or does not.
    """
    if not phase.simulate:
        return None
    hosts = {backend.name: backend.host for backend in lab.backends}
    return Simulation({hosts.get(name, "default"): fault.behaviour() for name, fault in phase.simulate.items()})


def load_scenario(name: str | Path, lab: Lab) -> Scenario:
    """The scenario in a file, or one that ships, by name, resolved against a lab.

    Raises BadInput naming file, field and remedy.
    """
    path = find_file(name, SCENARIOS, ".yaml", "scenario")
    scenario = read_document(path, Scenario, "scenario")
    try:
        return scenario.resolved(lab)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
