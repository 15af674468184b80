"""Writes a virtual run as an ordinary run directory, marked as simulated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from simulator.virtual import EPOCH_NS, VirtualEvent, VirtualRun
from tripcurve import __version__
from tripcurve.breaker.events import Anchor, Source, render_event
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.run.info import CallCounts, Counts, GatewayCounts, RunInfo
from tripcurve.run.layout import EVENTS, REQUESTS, make_run_dir, write_documents
from tripcurve.run.record import SCHEMA, SCHEMA_VERSION
from tripcurve.scenario import Scenario

__all__ = ["TARGET", "batches_of", "calls_of", "event_lines", "write_run"]

TARGET = "simulated"
"""The kind of target in run.json."""
_BATCH_ROWS = 65_536


def write_run(
    given: Path | None,
    lab: Lab,
    scenario: Scenario,
    events: Iterable[VirtualEvent],
    batches: Iterable[pa.RecordBatch],
    simulation: dict[str, JsonValue],
    calls: dict[str, CallCounts] | None = None,
) -> tuple[Path, int]:
    """Write a run directory and return it with its number of rows.

    `given`: the folder; None: a new one named after the lab, the scenario and the time. `batches`: rows in order of
    start. `simulation` and `calls`: for run.json. Raises BadInput if the folder is not empty or cannot be written.
    """
    folder = make_run_dir(given, lab.name, f"{scenario.name}-simulated")
    write_documents(folder, lab, scenario)
    try:
        (folder / EVENTS).write_text("".join(f"{line}\n" for line in event_lines(lab, events)), "utf-8")
        rows, by_status = _write_rows(folder / REQUESTS, batches)
        _info(lab, scenario, rows, by_status, simulation, calls).write(folder)
    except OSError as error:
        raise BadInput(f"{folder}: the run cannot be written: {error.strerror}") from None
    return folder, rows


def batches_of(run: VirtualRun) -> Iterator[pa.RecordBatch]:
    """Yield the samples of a virtual run as record batches, in order of start."""
    for begin in range(0, len(run.samples), _BATCH_ROWS):
        columns = zip(*run.samples[begin : begin + _BATCH_ROWS], strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        yield pa.record_batch(arrays, schema=SCHEMA)


def calls_of(run: VirtualRun) -> dict[str, CallCounts] | None:
    """Return the calls and attempts of clients that can retry, by phase; None: there were no such clients."""
    return {name: CallCounts(calls=run.begun[name], attempts=run.attempts[name]) for name in run.attempts} or None


def event_lines(lab: Lab, events: Iterable[VirtualEvent]) -> Iterator[str]:
    """Yield one JSON line for each breaker event, in Event Grid's schema [D-EG]."""
    topic = f"/subscriptions/virtual/providers/Microsoft.ApiManagement/service/{lab.gateway.name}"
    for unit, backend, rule, event in events:
        yield json.dumps(render_event(event, Anchor(EPOCH_NS, 0), Source(topic, backend, rule, unit)))


def _write_rows(path: Path, batches: Iterable[pa.RecordBatch]) -> tuple[int, Counter[int]]:
    rows, by_status = 0, Counter[int]()
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=1) as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_batches([_plain(batch)]))
            rows += len(batch)
            for entry in batch.column("status").value_counts().to_pylist():
                by_status[entry["values"]] += entry["counts"]
    return rows, by_status


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.replace_schema_metadata(SCHEMA.metadata)


def _info(
    lab: Lab,
    scenario: Scenario,
    rows: int,
    by_status: Counter[int],
    simulation: dict[str, JsonValue],
    calls: dict[str, CallCounts] | None,
) -> RunInfo:
    reached = {str(status): count for status, count in sorted(by_status.items()) if status}
    gateway = GatewayCounts(requests=sum(reached.values()), by_status=reached)
    return RunInfo(
        schema=SCHEMA_VERSION,
        tripcurve=__version__,
        target=TARGET,
        lab=lab.name,
        scenario=scenario.name,
        start_ns=EPOCH_NS,
        end_ns=EPOCH_NS + round(scenario.duration_s * 1e9),
        exit=0,
        interrupted=False,
        counts=Counts(recorded=rows, gateway=gateway, unrecorded=0),
        options=lab.local.model_dump(mode="json"),
        calls=calls,
        simulation=simulation,
    )
