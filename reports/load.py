"""Reads a run directory: the first of the three steps, load, analyse, render."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from reports.clocks import on_one_clock
from reports.origins import with_origins
from tripcurve.documents import read_document
from tripcurve.errors import BadInput
from tripcurve.events import BreakerEvent, read_events
from tripcurve.lab import Lab
from tripcurve.records import SCHEMA, SCHEMA_VERSION
from tripcurve.scenario import Scenario

__all__ = ["Run", "load"]


@dataclass(frozen=True)
class Run:
    """A recorded run.

    `requests`: one row per attempt, sorted by start, columns of `tripcurve.records.SCHEMA`.
    `info`: run.json; empty for a run that was killed before it was written.
    `events`: the breaker's own account, sorted by instant; None when the target keeps none.
    `notes`: what a reader must know about the data, such as a shard cut short.
    """

    folder: Path
    lab: Lab
    scenario: Scenario
    requests: pd.DataFrame
    info: dict[str, Any]
    events: list[BreakerEvent] | None
    notes: list[str] = field(default_factory=list)

    @property
    def start_ns(self) -> int:
        """Unix ns of the run's zero: as recorded, else the first request's intended start."""
        recorded = self.info.get("start_ns")
        if isinstance(recorded, int):
            return recorded
        return int(self.requests["intended_ns"].min()) if len(self.requests) else 0


def load(folder: Path | str) -> Run:
    """The run in a folder. Killed runs load from their `.arrows` shards.

    Raises BadInput when the folder holds no run, or a file is damaged or of a newer version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder} is no run directory; give one that `tripcurve run` made, such as runs/quick-…")
    notes: list[str] = []
    table = _read_requests(folder, notes)
    info = _read_info(folder / "run.json", notes)
    frame = with_origins(on_one_clock(_to_frame(table), info, notes), notes)
    return Run(
        folder=folder,
        lab=read_document(folder / "lab.yaml", Lab, "lab"),
        scenario=read_document(folder / "scenario.yaml", Scenario, "scenario"),
        requests=_in_order(frame, notes),
        info=info,
        events=_read_events(folder / "gateway-events.jsonl"),
        notes=notes,
    )


def _read_requests(folder: Path, notes: list[str]) -> pa.Table:
    whole = folder / "requests.parquet"
    if whole.exists():
        try:
            return _checked(pq.read_table(whole), whole)
        except (pa.ArrowException, OSError) as error:
            notes.append(f"requests.parquet is damaged ({type(error).__name__}); read from the workers' shards instead")
    shards = sorted(folder.glob("requests-*.arrows"))
    if not shards:
        raise BadInput(f"{folder} holds no requests: neither requests.parquet nor requests-*.arrows is there to read")
    tables = [_read_shard(path, notes) for path in shards]
    return pa.concat_tables(tables).sort_by("start_ns")


def _read_shard(path: Path, notes: list[str]) -> pa.Table:
    """All whole batches of a shard; a cut-off tail, as a killed run leaves, is noted."""
    batches: list[pa.RecordBatch] = []
    schema = SCHEMA
    try:
        with ipc.open_stream(path) as stream:
            schema = stream.schema
            for batch in stream:
                batches.append(batch)  # a cut-off tail raises midway: what came before is kept
    except (pa.ArrowException, OSError) as error:
        notes.append(f"{path.name} ends early ({type(error).__name__}); {sum(map(len, batches))} rows were whole")
    return _checked(pa.Table.from_batches(batches, schema), path)


def _checked(table: pa.Table, path: Path) -> pa.Table:
    version = (table.schema.metadata or {}).get(b"tripcurve.schema", b"1").decode("ascii", "replace")
    if version != str(SCHEMA_VERSION):
        raise BadInput(f"{path}: written in record version {version}; this Tripcurve reads version {SCHEMA_VERSION}")
    missing = [name for name in SCHEMA.names if name not in table.column_names and name != "backend_us"]
    if missing:
        raise BadInput(f"{path}: the column {missing[0]!r} is missing; it is no record of requests")
    if "backend_us" not in table.column_names:
        table = table.append_column("backend_us", pa.nulls(len(table), pa.int32()))
    try:
        return table.select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowException, ValueError) as error:
        raise BadInput(f"{path}: a column is not of the kind a record of requests has: {error}") from None


def _to_frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(self_destruct=True, split_blocks=True)
    return frame.reset_index(drop=True)


def _in_order(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The rows by start; a latency below nothing, as a clock set back leaves it, is none."""
    backwards = int((frame["latency_us"] < 0).sum())
    if backwards:
        notes.append(f"{backwards} requests ended before they began: a clock was set back; they are left out")
        frame = frame[frame["latency_us"] >= 0].reset_index(drop=True)
    if not frame["start_ns"].is_monotonic_increasing:
        frame = frame.sort_values("start_ns", kind="stable", ignore_index=True)
    return frame


def _read_info(path: Path, notes: list[str]) -> dict[str, Any]:
    try:
        info = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        notes.append("run.json is missing: the run was killed; its end, pacing and counts are not known")
        return {}
    except (OSError, ValueError):
        raise BadInput(f"{path} is not readable JSON; remove it to report from the records alone") from None
    if not isinstance(info, dict):
        raise BadInput(f"{path} is not a JSON object; remove it to report from the records alone")
    return info


def _read_events(path: Path) -> list[BreakerEvent] | None:
    if not path.exists():
        return None
    with path.open(encoding="utf-8", errors="replace") as lines:
        events = list(read_events(lines))
    return sorted(events, key=lambda event: event.at_ns)
