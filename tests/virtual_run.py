"""Writes what a virtual gateway did as a run directory, so that reports can be tested against known truth."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc

from simulator.virtual import EPOCH_NS, VirtualRun
from tripcurve import __version__
from tripcurve.breaker.events import Anchor, Source, render_event
from tripcurve.lab import Lab
from tripcurve.run.info import Counts, GatewayCounts, RunInfo
from tripcurve.run.layout import EVENTS, LAB, SCENARIO, make_run_dir, shard_path
from tripcurve.run.record import SCHEMA, Row
from tripcurve.scenario import Scenario

BATCH_ROWS = 500


def write_virtual_run(folder: Path, lab: Lab, scenario: Scenario, run: VirtualRun) -> Path:
    """The folder, with every file a run on the local cloud has before it is reported."""
    make_run_dir(folder, lab.name, scenario.name)
    _write_documents(folder, lab, scenario)
    _info(lab, scenario, run).write(folder)
    (folder / EVENTS).write_text("".join(f"{line}\n" for line in event_lines(lab, run)), "utf-8")
    for worker in sorted({sample.worker for sample in run.samples} or {0}):
        shard = [sample for sample in run.samples if sample.worker == worker]
        write_shard(shard_path(folder, worker), shard)
    return folder


def _write_documents(folder: Path, lab: Lab, scenario: Scenario) -> None:
    """Lab and scenario without their defaults: reading the hundreds of lines takes longer than reading the rows."""
    for name, model in ((LAB, lab), (SCENARIO, scenario)):
        (folder / name).write_text(model.model_dump_json(by_alias=True, exclude_defaults=True), "utf-8")


def event_lines(lab: Lab, run: VirtualRun) -> Iterable[str]:
    """The gateway's own account, one JSON line an event, in its order."""
    topic = f"/subscriptions/virtual/providers/Microsoft.ApiManagement/service/{lab.gateway.name}"
    for unit, backend, rule, event in run.events:
        yield json.dumps(render_event(event, Anchor(EPOCH_NS, 0), Source(topic, backend, rule, unit)))


def write_shard(path: Path, samples: list[Row]) -> None:
    """The samples of one worker as an Arrow stream of several batches, as the recorder leaves it."""
    with pa.OSFile(str(path), "wb") as sink, ipc.new_stream(sink, SCHEMA, options=_options()) as stream:
        for begin in range(0, len(samples), BATCH_ROWS):
            columns = zip(*samples[begin : begin + BATCH_ROWS], strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
            stream.write_batch(pa.record_batch(arrays, schema=SCHEMA))


def _options() -> ipc.IpcWriteOptions:
    return ipc.IpcWriteOptions(emit_dictionary_deltas=True)


def _info(lab: Lab, scenario: Scenario, run: VirtualRun) -> RunInfo:
    reached = [sample for sample in run.samples if sample.status != 0]
    return RunInfo(
        tripcurve=__version__,
        target="local",
        lab=lab.name,
        scenario=scenario.name,
        start_ns=EPOCH_NS,
        end_ns=EPOCH_NS + round(scenario.duration_s * 1e9),
        exit=0,
        counts=Counts(gateway=GatewayCounts(requests=len(reached))),
    )
