"""What must stand before traffic can start: lab and scenario, checked, and a target that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from locustfiles.conduct.embedded import Embedded
from locustfiles.conduct.preflight import try_target
from locustfiles.conduct.targets import find_target
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab
from tripcurve.scenario import Scenario, load_scenario
from tripcurve.suggestions import known_names
from tripcurve.target import Target

if TYPE_CHECKING:  # at run time Locust's import patches the whole process
    from locust import User

__all__ = ["Asked", "Preparation", "prepare", "ready_users", "seat_users", "without_sharpening"]


@dataclass(frozen=True)
class Asked:
    """What the command line or the start form asks for."""

    lab: str
    scenario: str
    target: str


@dataclass
class Preparation:
    """Everything checked and, for the local target, running. `embedded` None: the target is not ours to stop."""

    asked: Asked
    lab: Lab
    scenario: Scenario
    target: Target
    embedded: Embedded | None

    def stop(self) -> None:
        if self.embedded is not None:
            self.embedded.stop()

    @property
    def usable(self) -> bool:
        """False once an embedded cloud has died."""
        return self.embedded is None or self.embedded.alive


def prepare(asked: Asked, classes: list[type[User]]) -> Preparation:
    """Check, then start what is needed. Raises BadInput or TargetUnavailable; nothing is left running."""
    lab = load_lab(asked.lab)
    scenario = load_scenario(asked.scenario, lab)
    ready_users(scenario, classes)
    found = find_target(asked.target, lab, asked.lab)
    if isinstance(found, Embedded):
        return Preparation(asked, lab, scenario, found.target, found)
    try_target(found)
    return Preparation(asked, lab, scenario, found, None)


def without_sharpening(scenario: Scenario) -> Scenario:
    """Return the scenario without dense probes."""
    return scenario.model_copy(update={"probe": scenario.probe.model_copy(update={"sharpen": None})})


def ready_users(scenario: Scenario, classes: list[type[User]]) -> None:
    """Let the classes that take part do what is slow. Raises BadInput."""
    for each in seat_users(scenario, classes):
        if hasattr(each, "prepare"):
            each.prepare()


def seat_users(scenario: Scenario, classes: list[type[User]]) -> list[type[User]]:
    """Set how Locust shares users out among the scenario's classes; returns those. Raises BadInput."""
    known = {each.__name__: each for each in classes}
    for name in scenario.users:
        if name not in known:
            others = known_names(name, known, "its classes")
            raise BadInput(f"scenario {scenario.name}: users.{name}: the locustfile has no such class{others}")
    wanted = [known[name] for name, count in scenario.users.items() if count]
    for each in wanted:
        count = scenario.users[each.__name__]
        each.weight = count
        each.fixed_count = count if each.__name__ == "ProbeUser" else 0
    return wanted
