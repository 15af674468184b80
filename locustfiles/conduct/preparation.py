"""Prepares a run: checks lab and scenario, and finds or starts the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from locustfiles.conduct.embedded import Embedded
from locustfiles.conduct.preflight import try_target
from locustfiles.conduct.targets import find_target
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab
from tripcurve.scenario import Scenario
from tripcurve.scenario.replay import load_replay
from tripcurve.scenario.trace import Trace
from tripcurve.suggestions import known_names
from tripcurve.target import Target

if TYPE_CHECKING:  # at run time Locust's import patches the whole process
    from locust import User

__all__ = ["Preparation", "RunInputs", "prepare", "ready_users", "seat_users", "without_sharpening"]


@dataclass(frozen=True)
class RunInputs:
    """The lab, scenario and target that the command line or the start form names.

    `trace`: the file that is sent again instead of the phases' loads; empty: the one that the scenario names, if any.
    """

    lab: str
    scenario: str
    target: str
    trace: str = ""


@dataclass
class Preparation:
    """A checked lab and scenario, and a ready target.

    `embedded` None: this process did not start the target. `trace` None: the scenario replays none.
    """

    inputs: RunInputs
    lab: Lab
    scenario: Scenario
    target: Target
    embedded: Embedded | None
    trace: Trace | None = None

    def stop(self) -> None:
        """Stop the local cloud if this process started one."""
        if self.embedded is not None:
            self.embedded.stop()

    @property
    def usable(self) -> bool:
        """Whether the target can still be used: false after an embedded cloud has died."""
        return self.embedded is None or self.embedded.alive


def prepare(inputs: RunInputs, classes: list[type[User]]) -> Preparation:
    """Check lab and scenario, then find or start the target and try it.

    Raises BadInput if an input is wrong, TargetUnavailable if the target cannot be used; then nothing is left running.
    """
    lab = load_lab(inputs.lab)
    scenario, trace = load_replay(inputs.scenario, lab, inputs.trace)
    ready_users(scenario, classes)
    found = find_target(inputs.target, lab, inputs.lab)
    if isinstance(found, Embedded):
        return Preparation(inputs, lab, scenario, found.target, found, trace)
    try_target(found)
    return Preparation(inputs, lab, scenario, found, None, trace)


def without_sharpening(scenario: Scenario) -> Scenario:
    """Return the scenario without dense probes."""
    return scenario.model_copy(update={"probe": scenario.probe.model_copy(update={"sharpen": None})})


def ready_users(scenario: Scenario, classes: list[type[User]]) -> None:
    """Call `prepare` of the classes that take part. Raises BadInput if the locustfile lacks one of them."""
    for each in seat_users(scenario, classes):
        if hasattr(each, "prepare"):
            each.prepare()


def seat_users(scenario: Scenario, classes: list[type[User]]) -> list[type[User]]:
    """Set how Locust divides users among the scenario's classes, and return these classes.

    Raises BadInput if the locustfile lacks a class of the scenario.
    """
    known = {each.__name__: each for each in classes}
    for name in scenario.users:
        if name not in known:
            others = known_names(name, known, "its classes")
            raise BadInput(f"scenario {scenario.name}: users.{name}: the locustfile does not have this class{others}")
    wanted = [known[name] for name, count in scenario.users.items() if count]
    for each in wanted:
        count = scenario.users[each.__name__]
        each.weight = count
        each.fixed_count = count if each.__name__ == "ProbeUser" else 0
    return wanted
