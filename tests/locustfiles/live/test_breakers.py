"""States and trips as the Breaker tab lists them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from locustfiles.live.breakers import (
    EventTail,
    states_by_events,
    states_by_sightings,
    trips_by_events,
    trips_by_sightings,
)
from locustfiles.live.sightings import Sighting
from tripcurve.breaker import Closed, Opened
from tripcurve.breaker.events import Anchor, BreakerEvent, Source, parse_event, render_event
from tripcurve.lab import Lab, load_lab

SECOND = 1_000_000_000
START_S = 1000
START_NS = START_S * SECOND
ANCHOR = Anchor(0, 0)


def opened(at_s: float, unit: int = 0, backend: str = "openaimock1") -> dict[str, Any]:
    at = START_S + at_s
    source = Source("/service", backend, "rule", unit)
    return render_event(Opened(at, at, at + 4.0, 4.0, 3), ANCHOR, source)


def closed(at_s: float, unit: int = 0, backend: str = "openaimock1") -> dict[str, Any]:
    at = START_S + at_s
    return render_event(Closed(at, at, at, 4.0), ANCHOR, Source("/service", backend, "rule", unit))


def events(*objects: dict[str, Any]) -> list[BreakerEvent]:
    found = [parse_event(json.dumps(each)) for each in objects]
    return [each for each in found if each is not None]


def ns(seconds: float) -> int:
    return START_NS + round(seconds * SECOND)


def units(lab: Lab, count: int) -> Lab:
    return lab.model_copy(update={"gateway": lab.gateway.model_copy(update={"units": count})})


def test_every_breaker_of_every_unit_is_listed_closed_before_anything_happens() -> None:
    states = states_by_events(units(load_lab("pool"), 2), [], START_NS, ns(1))
    listed = [(state.backend, state.unit, state.open, state.trips) for state in states]
    assert listed == [(name, unit, False, 0) for name in ("openaimock1", "openaimock2") for unit in (0, 1)]


def test_a_breaker_is_open_until_its_deadline_on_its_own_unit_only() -> None:
    lab = units(load_lab("quick"), 2)
    happened = events(opened(5.0, unit=1))
    first, second = states_by_events(lab, happened, START_NS, ns(6.0))
    assert (first.open, second.open, second.closes_in_s) == (False, True, 3.0)
    assert not any(state.open for state in states_by_events(lab, happened, START_NS, ns(9.0)))


def test_trips_of_an_earlier_run_are_not_counted() -> None:
    happened = events(opened(-20.0), closed(-16.0), opened(5.0))
    [state] = states_by_events(load_lab("quick"), happened, START_NS, ns(6.0))
    assert state.trips == 1
    assert len(trips_by_events(load_lab("quick"), happened, [], START_NS, ns(6.0))) == 1


def test_a_trip_joins_the_gateways_instants_with_what_clients_saw() -> None:
    sighting = Sighting(5.01, 0.01, 4.9, 4, 4, 180, 9.0, 9.2)
    happened = events(opened(5.0), closed(9.0))
    [trip] = trips_by_events(load_lab("quick"), happened, [sighting], START_NS, ns(12.0))
    assert (trip.tripped_s, trip.failures, trip.open_s, trip.configured_s) == (5.0, 3, 4.0, 4.0)
    assert (trip.throttled, trip.shed) == (4, 180)
    assert trip.time_to_trip_s is not None
    assert round(trip.time_to_trip_s, 6) == 0.1
    assert trip.recovery_latency_s is not None
    assert round(trip.recovery_latency_s, 6) == 0.2


def test_with_several_breakers_client_data_is_assigned_to_none_of_them() -> None:
    sighting = Sighting(5.01, 0.01, 4.9, 4, 4, 180, 9.0, 9.2)
    [trip] = trips_by_events(load_lab("pool"), events(opened(5.0)), [sighting], START_NS, ns(6.0))
    assert (trip.open_s, trip.shed, trip.time_to_trip_s) == (None, None, None)


def test_without_events_the_clients_view_stands_alone() -> None:
    sighting = Sighting(5.01, 0.01, 4.9, 4, 4, 180, None, None)
    [state] = states_by_sightings(load_lab("quick"), [sighting])
    assert (state.backend, state.unit, state.open, state.trips) == ("openaimock1", None, True, 1)
    [trip] = trips_by_sightings(load_lab("quick"), [sighting])
    assert (trip.half_width_s, trip.open_s, trip.shed) == (0.01, None, 180)


def test_a_growing_file_is_read_only_in_complete_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = EventTail(path)
    assert tail.follow() == []
    first, second = json.dumps(opened(1.0)), json.dumps(closed(5.0))
    path.write_text(f"{first}\n{second[:20]}")
    assert [event.kind for event in tail.follow()] == ["opened"]
    path.write_text(f"{first}\n{second}\nno event\n")
    assert [event.kind for event in tail.follow()] == ["opened", "closed"]
    path.unlink()
    assert len(tail.follow()) == 2
