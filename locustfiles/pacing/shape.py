"""How many users Locust runs at each moment of a scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns

import gevent
from locust import LoadTestShape, User

from locustfiles.pacing.timeline import Timeline, user_count
from tripcurve.scenario import Scenario

__all__ = ["Course", "ScenarioShape"]

TICK_S = 1.0
"""Locust asks once a second; a phase that begins in between is waited for."""


@dataclass(frozen=True)
class Course:
    """What the shape follows. `timeline` None: the run has not begun."""

    scenario: Scenario
    classes: list[type[User]]
    timeline: Timeline | None = None


class ScenarioShape(LoadTestShape):
    """Follows the scenario of the run that is being set up or under way."""

    course: Course | None = None
    set_out: Callable[[], Course | None] = staticmethod(lambda: None)
    """Makes a course where none stands: Locust's web UI asks the shape before it says that a test starts."""

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """Locust's question: how many users now? None ends the run, exactly at the end of the last phase."""
        if self.course is None:
            self.course = self.set_out()
        if self.course is None:
            return None
        scenario, timeline = self.course.scenario, self.course.timeline
        if timeline is None:
            count = user_count(scenario, scenario.phases[0], 0.0)
        else:
            now = _after_boundary(timeline)
            if now >= timeline.end_ns:
                return None
            stretch = timeline.at(now)
            count = user_count(scenario, stretch.phase, max(now - stretch.begin_ns, 0) / 1e9)
        return count, max(count, 1), self.course.classes


def _after_boundary(timeline: Timeline) -> int:
    """Monotonic ns now; where a phase ends before Locust asks again, that instant, waited for."""
    now = monotonic_ns()
    end_ns = timeline.at(now).end_ns
    if not now < end_ns < now + TICK_S * 1e9:
        return now
    gevent.sleep((end_ns - now) / 1e9)
    return max(monotonic_ns(), end_ns)
