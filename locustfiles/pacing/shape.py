"""How many users Locust runs at each moment of a scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns

import gevent
from locust import LoadTestShape, User

from locustfiles.pacing.timeline import Timeline, most_users, user_count
from tripcurve.scenario import Scenario

__all__ = ["ScenarioRun", "ScenarioShape"]

TICK_S = 1.0
"""Locust calls `tick` once a second. If a phase ends before the next call, `tick` waits for its end."""


@dataclass(frozen=True)
class ScenarioRun:
    """The scenario of a run, and its user classes. `timeline` None: the run has not begun."""

    scenario: Scenario
    classes: list[type[User]]
    timeline: Timeline | None = None


class ScenarioShape(LoadTestShape):
    """Follows the scenario of the run that is being set up or under way."""

    run: ScenarioRun | None = None
    prepare_run: Callable[[], ScenarioRun | None] = staticmethod(lambda: None)
    """Prepares a run if there is none: Locust's web UI calls `tick` before it fires `test_start`. None: it failed."""
    phase_begins: Callable[[int], None] = staticmethod(lambda phase: None)
    """Called with the index of a run's phase before its number of users is returned; more than once in a phase."""

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """Return the number of users, the spawn rate and the user classes for now. None, at the end, stops the run.

        The spawn rate, users per second, is so high that Locust makes every change at once. It limits by the same rate
        how fast users stop.
        """
        if self.run is None:
            self.run = self.prepare_run()
        if self.run is None:
            return None
        scenario, timeline = self.run.scenario, self.run.timeline
        if timeline is None:
            count = user_count(scenario, scenario.phases[0], 0.0)
        else:
            now = _after_boundary(timeline)
            if now >= timeline.end_ns:
                return None
            stretch = timeline.at(now)
            self.phase_begins(stretch.index)
            count = user_count(scenario, stretch.phase, max(now - stretch.begin_ns, 0) / 1e9)
        return count, most_users(scenario), self.run.classes


def _after_boundary(timeline: Timeline) -> int:
    """Return now, monotonic ns. If a phase ends before Locust's next call, wait for its end first."""
    now = monotonic_ns()
    end_ns = timeline.at(now).end_ns
    if not now < end_ns < now + TICK_S * 1e9:
        return now
    gevent.sleep((end_ns - now) / 1e9)
    return max(monotonic_ns(), end_ns)
