"""The simulation object, with which a request sets how its backend answers.

Its keys are backend hosts, with `default` for all others, as in the seed's mock; the fields beyond the seed's two are
ours.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from tripcurve.field_errors import field_errors
from tripcurve.scenario.which import WhichText
from tripcurve.simulation_headers import HEADER

__all__ = ["HEADER", "Behaviour", "Simulation", "SimulationError"]

LARGEST_BYTES = 16_384


class SimulationError(ValueError):
    """A simulation is malformed; the message names the field and what is wrong."""


class Behaviour(BaseModel):
    """How one backend answers one request. None means as the backend is configured."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    response_status_code: int | None = Field(None, ge=200, le=599)
    wait_time_ms: float | None = Field(None, ge=0, le=600_000, description="Time before the answer")
    retry_after_s: float | None = Field(None, ge=0, le=1_000_000, description="Retry-After of an error answer")
    completion_tokens: int | None = Field(None, ge=0, le=100_000)
    chunk_ms: float | None = Field(None, ge=0, le=60_000, description="Time between streamed chunks")
    drop: Literal["before", "during"] | None = Field(
        None, description="Close the connection before or during the answer"
    )
    which: WhichText | None = Field(
        None, description="Requests that get this behaviour, by their number, such as `first 2`"
    )
    per: Literal["backend", "instance"] = Field("backend", description="Where requests are counted")
    counter: str = Field("", max_length=64, description="Name of the count: a new name begins at 1")


HostName = Annotated[str, Field(min_length=1, max_length=255)]


class Simulation(RootModel[dict[HostName, Behaviour]]):
    """Behaviours by backend host in lower case; `default` applies to all others."""

    model_config = ConfigDict(frozen=True)

    def behaviour(self, host: str) -> Behaviour | None:
        """Return how this host answers; None if the simulation names neither it nor a default."""
        found = self.root.get(host.lower())
        return self.root.get("default") if found is None else found

    def to_header(self) -> str:
        """Return compact JSON for the header, without fields that have their defaults."""
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def parse(cls, value: str | bytes | dict[str, Any]) -> Simulation:
        """Return the simulation in a JSON text or in a parsed object.

        Raises SimulationError naming the field, and no other exception for any input.
        """
        try:
            if isinstance(value, dict):
                parsed = cls.model_validate(value)
            elif len(value) > LARGEST_BYTES:
                raise SimulationError(f"simulation of {len(value)} bytes; at most {LARGEST_BYTES}")
            else:
                parsed = cls.model_validate_json(value)
        except ValidationError as error:
            found = field_errors(error, cls)[0]
            raise SimulationError(f"{found.field or 'simulation'}: {found.message}") from None
        return cls({host.lower(): behaviour for host, behaviour in parsed.root.items()})
