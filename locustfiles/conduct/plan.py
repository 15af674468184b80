"""The plan of a run, which the main process sends to its workers: target, lab, scenario, and start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from pydantic import JsonValue

from locustfiles.pacing.clock import Clock, ClockMessage
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario
from tripcurve.scenario.trace import Trace, TraceMessage
from tripcurve.target import Target

__all__ = ["Plan", "PlanMessage"]


class PlanMessage(TypedDict):
    """A plan as it is sent to a worker. It contains the gateway's key."""

    target: dict[str, JsonValue]
    lab: dict[str, JsonValue]
    scenario: dict[str, JsonValue]
    run_dir: str
    start_ns: int
    clock: ClockMessage
    trace: TraceMessage | None


@dataclass(frozen=True)
class Plan:
    """One run.

    `start_ns`: unix ns on the main process's clock. `clock`: converts monotonic time to that clock. `trace`: the
    requests to send; None: those of the scenario's phases.
    """

    target: Target
    lab: Lab
    scenario: Scenario
    run_dir: Path
    start_ns: int
    clock: Clock
    trace: Trace | None = None

    def on_clock(self, clock: Clock) -> Plan:
        """Return the same run with another estimate of the main process's clock."""
        return replace(self, clock=clock)

    def to_message(self) -> PlanMessage:
        """Return plain data. It contains the gateway's key: send it to workers only, and never write it to a file."""
        target = self.target.model_dump(mode="json")
        target["api_key"] = self.target.api_key.get_secret_value()
        target["client_secret"] = None
        return {
            "target": target,
            "lab": self.lab.model_dump(mode="json"),
            "scenario": self.scenario.model_dump(mode="json"),
            "run_dir": str(self.run_dir),
            "start_ns": self.start_ns,
            "clock": self.clock.to_message(),
            "trace": None if self.trace is None else self.trace.to_message(),
        }

    @classmethod
    def from_message(cls, data: PlanMessage) -> Plan:
        """Return the plan from the data of `to_message`."""
        return cls(
            target=Target.model_validate(data["target"]),
            lab=Lab.model_validate(data["lab"]),
            scenario=Scenario.model_validate(data["scenario"]),
            run_dir=Path(data["run_dir"]),
            start_ns=data["start_ns"],
            clock=Clock.from_message(data["clock"]),
            trace=None if data["trace"] is None else Trace.from_message(data["trace"]),
        )
