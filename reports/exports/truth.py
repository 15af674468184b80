"""Turns an export of Azure into the events of the run's breakers, on the run's clock."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from reports.exports.files import Record
from reports.exports.gateway_log import GatewayLog, instant_of, is_gateway_log, read_gateway_log
from reports.exports.offset import AzureOffset, offset_by_requests, offset_by_trips
from reports.loading.run import Run, load
from reports.trips.analysis import analyse
from reports.trips.trip import Measured, Trip
from tripcurve.breaker.events import TYPE_PREFIX, BreakerEvent, event_of, render_recorded
from tripcurve.errors import BadInput
from tripcurve.gateways import export_of
from tripcurve.run.info import RunInfo, WorkerClock, WorkerInfo
from tripcurve.run.layout import REQUESTS, write_documents
from tripcurve.run.record import SCHEMA

__all__ = ["ImportedTruth", "truth_from"]

_Kind = Literal["opened", "closed"]


@dataclass(frozen=True, slots=True)
class ImportedTruth:
    """The breakers' events as JSON objects of Event Grid's schema, in order, and how Azure's clock was reconciled."""

    events: list[dict[str, object]]
    offset: AzureOffset
    source: str


def truth_from(run: Run, records: list[Record]) -> ImportedTruth:
    """Return what an export says about the run's breakers.

    Event Grid's events state each opening and closing. From the gateway's log, openings and closings are found as in a
    run, but as the gateway saw the requests, without the network. Every instant is moved to the run's clock; how far
    that may be off is in `data.local.half_width_ns`.
    Raises BadInput if Azure records nothing of the lab's kind of gateway, or if the export has neither, is of another
    service, or cannot be reconciled with the run's clock.
    """
    export = export_of(run.lab)
    events = [(event, record) for record in records if (event := _event(record)) is not None]
    if events:
        return _from_event_grid(run, events)
    if is_gateway_log(records):
        return _from_gateway_log(run, read_gateway_log(records, run.lab))
    raise BadInput(
        "the export has no breaker events and no requests of a gateway; it must hold Event Grid events of type "
        f"{TYPE_PREFIX}Opened, rows of {export.log}, or requests and dependencies of Application Insights"
    )


def _event(record: Record) -> BreakerEvent | None:
    # Names of the record are in lower case; those of the event's data are as they were.
    content = {**record, "eventType": record.get("eventtype"), "eventTime": record.get("eventtime")}
    return event_of(content)


def _from_event_grid(run: Run, events: list[tuple[BreakerEvent, Record]]) -> ImportedTruth:
    wanted = f"/service/{run.lab.gateway.name}".lower()
    for _, record in events:
        topic = str(record.get("topic") or record.get("source") or "")
        if "/service/" in topic.lower() and not topic.lower().endswith(wanted):
            name = topic.rpartition("/")[2]
            service = export_of(run.lab).service
            raise BadInput(f"the events are of the {service} {name!r}; the run used {run.lab.gateway.name!r}")
    known = {backend.name for backend in run.lab.backends}
    kept = sorted((event for event, _ in events if event.backend in known), key=lambda event: event.at_ns)
    if not kept:
        named = ", ".join(sorted({event.backend for event, _ in events}))
        raise BadInput(f"the events are of other backends ({named}) than the lab's ({', '.join(sorted(known))})")
    precision_ns = max(instant_of(str(record.get("eventtime") or record.get("time")))[1] for _, record in events)
    offset = offset_by_trips(run, analyse(run).trips, kept, precision_ns)
    rendered = [
        _rendered(
            event.kind,
            event.backend,
            event.rule,
            event.trip_duration_s,
            event.at_ns - offset.offset_ns,
            offset.half_width_ns,
            "event grid",
        )
        for event in _of_run(kept, run, offset.offset_ns)
    ]
    return ImportedTruth(rendered, offset, "Event Grid events")


def _of_run(events: list[BreakerEvent], run: Run, offset_ns: int) -> list[BreakerEvent]:
    """Return the events from the run's start on; a subscription also delivers those of other runs."""
    end_ns = run.start_ns + round(run.duration_s * 1e9)
    return [event for event in events if run.start_ns <= event.at_ns - offset_ns <= end_ns]


def _from_gateway_log(run: Run, log: GatewayLog) -> ImportedTruth:
    offset, near = offset_by_requests(run, log)
    seen = _seen_by_gateway(run, log, near, offset)
    rules = {backend.name: backend.breaker for backend in run.lab.backends if backend.breaker is not None}
    rendered = []
    for trip in seen:
        name = trip.backend or run.lab.backends[0].name
        rule = rules.get(name)
        instants: tuple[tuple[_Kind, Measured | None], ...] = (("opened", trip.tripped_s), ("closed", trip.reset_s))
        for kind, instant in instants:
            if rule is not None and instant is not None:
                rendered.append(_as_event(kind, name, rule.name, rule.trip_duration, instant, run.start_ns))
    return ImportedTruth(sorted(rendered, key=lambda event: str(event["eventTime"])), offset, "the gateway's log")


def _as_event(
    kind: _Kind, backend: str, rule: str, duration_s: float | None, instant: Measured, start_ns: int
) -> dict[str, object]:
    at_ns, half_width_ns = start_ns + round(instant.estimate * 1e9), round(instant.half_width * 1e9)
    return _rendered(kind, backend, rule, duration_s, at_ns, half_width_ns, "gateway log")


def _seen_by_gateway(run: Run, log: GatewayLog, near: npt.NDArray[np.bool_], offset: AzureOffset) -> list[Trip]:
    """Return the trips that the gateway's log shows, on the run's clock: the log is written as a run and analysed."""
    # The duration in whole milliseconds can be short by one: an interval from it must reach one further.
    latency_us = (log.total_ns[near] + log.precision_ns) // 1000 + 1
    backend_ns = log.backend_ns[near]
    reached = backend_ns >= 0
    count = int(near.sum())
    columns = {
        "start_ns": log.start_ns[near],
        "intended_ns": log.start_ns[near],
        "latency_us": latency_us,
        "first_byte_us": [None] * count,
        # The log's time on the backend includes the body, after the status line that the breaker counted. So it may
        # not be used for failures, whose arrival would seem too late.
        "backend_us": [
            max(int(ns) - log.precision_ns, 0) // 1000 if ns >= 0 and status < 300 else None
            for ns, status in zip(backend_ns, log.status[near], strict=True)
        ],
        "status": log.status[near],
        "origin": ["backend" if one else "gateway" for one in reached],
        "backend": [name for name, one in zip(log.backend, near, strict=True) if one],
        "worker": [0] * count,
    }
    arrays = [pa.array(columns.get(field.name, _default(field, count)), field.type) for field in SCHEMA]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    clock = WorkerClock(offset_ns=offset.offset_ns, half_width_ns=offset.half_width_ns + log.precision_ns)
    info = RunInfo(
        start_ns=run.start_ns,
        end_ns=run.info.end_ns or run.tally.end_ns,
        workers=[WorkerInfo(worker=0, rows=count, clock=clock)],
    )
    with tempfile.TemporaryDirectory() as folder:
        write_documents(Path(folder), run.lab, run.scenario)
        info.write(Path(folder))
        pq.write_table(table, Path(folder) / REQUESTS)
        return analyse(load(folder)).trips


def _default(field: pa.Field[Any], count: int) -> list[str | None]:
    return ["" if field.name in ("phase", "user") else None] * count


def _rendered(
    kind: _Kind,
    backend: str,
    rule: str,
    duration_s: float | None,
    at_ns: int,
    half_width_ns: int,
    source: str,
) -> dict[str, object]:
    event = BreakerEvent(
        kind=kind,
        backend=backend,
        rule=rule,
        unit=None,
        at_ns=at_ns,
        noticed_ns=None,
        open_until_ns=None,
        failures=None,
        trip_duration_s=duration_s,
        half_width_ns=half_width_ns,
    )
    return render_recorded(event, source)
