"""The content of the Breaker tab as JSON values: the run under way, or the one that ended last."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic_ns
from typing import Any, TypeAlias

from locust.env import Environment

from locustfiles.conduct.conductor import Conductor
from locustfiles.conduct.plan import Plan
from locustfiles.conduct.run_report import RunReport
from locustfiles.live.breakers import (
    EventTail,
    State,
    states_by_events,
    states_by_sightings,
    trips_by_events,
    trips_by_sightings,
)
from locustfiles.live.counts import KINDS, Live
from locustfiles.live.load import Load
from locustfiles.pacing.timeline import Timeline

__all__ = ["Board", "FollowedRun"]

REPORT_PATH = "report/report.html"

JsonObject: TypeAlias = dict[str, object]
"""An object for `flask.jsonify`."""


@dataclass
class FollowedRun:
    """The data of one run. It outlives the conductor's own plan. `ended_ns` None: the run is under way."""

    plan: Plan
    live: Live
    timeline: Timeline
    tail: EventTail | None
    ended_ns: int | None = None

    def now_ns(self) -> int:
        """Return the monotonic instant, ns, that the tab describes: now, or the end of the run."""
        return monotonic_ns() if self.ended_ns is None else self.ended_ns

    def configured_rate(self) -> float | None:
        """Return the arrivals per second that the scenario asks for now; None in closed loop, or after the end."""
        now_ns = self.now_ns()
        stretch = self.timeline.at(now_ns)
        if self.ended_ns is not None:
            return None
        return stretch.phase.rate_at(max(now_ns - stretch.begin_ns, 0) / 1e9)

    def states(self) -> list[State]:
        """Return the state of each breaker, by the gateway's own events, or else by what clients saw."""
        if self.tail is None:
            return states_by_sightings(self.plan.lab, self.live.sightings.periods)
        now_ns = self.plan.clock.unix(self.now_ns())
        return states_by_events(self.plan.lab, self.tail.follow(), self.plan.start_ns, now_ns)


class Board:
    """Follows the conductor's runs and describes the last one for the tab."""

    def __init__(self, environment: Environment, conductor: Conductor, report: RunReport | None) -> None:
        self.environment = environment
        self.report = report
        self._conductor = conductor
        self.run: FollowedRun | None = None
        """The run under way, or the one that ended last; None before the first run, or if it could not begin."""

    def attach(self) -> None:
        """Listen to Locust's events. Call this after the conductor's `attach`: its run then exists or has failed."""
        events: Any = self.environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stop.add_listener(self._on_test_stop)

    def _on_test_start(self, environment: Environment, **_: object) -> None:
        plan, live, timeline = self._conductor.plan, self._conductor.live, self._conductor.timeline
        if plan is None or live is None or timeline is None:
            self.run = None
            return
        file = plan.target.events_file
        self.run = FollowedRun(plan, live, timeline, None if file is None else EventTail(Path(file)))

    def _on_test_stop(self, environment: Environment, **_: object) -> None:
        if self.run is not None and self.run.ended_ns is None:
            self.run.ended_ns = min(monotonic_ns(), self.run.timeline.end_ns)

    def snapshot(self) -> JsonObject:
        """Return everything that the tab shows."""
        failure = self._conductor.failure
        base: JsonObject = {
            "state": self._state(),
            "failure": None if failure is None else str(failure),
            "kinds": KINDS,
            "report": self._report(),
        }
        return base if self.run is None else base | _describe(self.run) | {"load": self._load(self.run)}

    @property
    def preparing(self) -> bool:
        """Whether a run was started and its target is not ready yet."""
        runner: Any = self.environment.runner
        return runner.shape_greenlet is not None and (self.run is None or self.run.ended_ns is not None)

    def _state(self) -> str:
        """Return idle, preparing, running, ended or failed."""
        if self.run is not None and self.run.ended_ns is None:
            return "running"
        if self.preparing:
            return "preparing"
        if self._conductor.failure is not None:
            return "failed"
        return "idle" if self.run is None else "ended"

    @property
    def load(self) -> Load:
        """The arrivals of the run so far."""
        return self._conductor.load

    def _load(self, run: FollowedRun) -> JsonObject:
        return {"configured_s": run.configured_rate(), **self.load._asdict()}

    def _report(self) -> JsonObject:
        if self.report is None or self.report.folder is None:
            return {"state": "none", "path": None, "run": None}
        path = REPORT_PATH if self.report.state == "done" else None
        return {"state": self.report.state, "path": path, "run": self.report.folder.name}


def _describe(run: FollowedRun) -> JsonObject:
    now_ns = run.now_ns()
    elapsed_ns = max(now_ns - run.timeline.start_ns, 0)
    return {
        "lab": run.plan.lab.name,
        "scenario": run.plan.scenario.name,
        "target": run.plan.target.kind,
        "elapsed_s": elapsed_ns / 1e9,
        "total_s": (run.timeline.end_ns - run.timeline.start_ns) / 1e9,
        "phase": run.timeline.at(now_ns).phase.name if run.ended_ns is None else None,
        "phases": _phases(run.timeline),
        "totals": dict(run.live.totals),
        "seconds": [[one.second, *(one.counts[kind] for kind in KINDS)] for one in run.live.seconds],
        **_breakers(run, run.plan.clock.unix(now_ns)),
    }


def _phases(timeline: Timeline) -> list[JsonObject]:
    return [
        {
            "name": each.phase.name,
            "begin_s": (each.begin_ns - timeline.start_ns) / 1e9,
            "end_s": (each.end_ns - timeline.start_ns) / 1e9,
        }
        for each in timeline.stretches
    ]


def _breakers(run: FollowedRun, now_ns: int) -> JsonObject:
    """Return states and trips. `source` says who observed them: the gateway (its events) or the clients."""
    lab, sightings, start_ns = run.plan.lab, run.live.sightings.periods, run.plan.start_ns
    states = run.states()
    if run.tail is None:
        trips, source = trips_by_sightings(lab, sightings), "clients"
    else:
        trips, source = trips_by_events(lab, run.tail.events, sightings, start_ns, now_ns), "gateway"
    return {
        "source": source,
        "breakers": [asdict(each) for each in states],
        "trips": [asdict(each) for each in trips],
    }
