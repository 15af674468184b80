"""Reads the parts of a recorded run that the simulator needs: lab, scenario and rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tripcurve.documents import read_document
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import LAB, REQUESTS, SCENARIO
from tripcurve.run.record import SCHEMA
from tripcurve.scenario import Scenario

__all__ = ["NS", "Recorded", "read_recorded"]

NS = 1_000_000_000


@dataclass(frozen=True)
class Recorded:
    """A recorded run. `rows`: the columns of `tripcurve.run.record.SCHEMA` in order of start, without probes."""

    folder: Path
    lab: Lab
    scenario: Scenario
    start_ns: int
    """The start of the run, unix ns."""
    rows: pd.DataFrame


def read_recorded(folder: Path) -> Recorded:
    """Read a run directory. Raises BadInput if it is not one, is damaged, or has no requests."""
    path = folder / REQUESTS
    if not path.is_file():
        raise BadInput(f"{folder}: no {REQUESTS} to calibrate from; a killed run gets one from `tripcurve report`")
    lab = read_document(folder / LAB, Lab, "lab")
    scenario = read_document(folder / SCENARIO, Scenario, "scenario")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from None
    missing = [name for name in SCHEMA.names if name not in table.schema.names]
    if missing:
        raise BadInput(f"{path} has no column {missing[0]}; this is not a record of requests")
    rows = table.select(SCHEMA.names).to_pandas()
    rows = rows[rows["user"] != "ProbeUser"].sort_values("start_ns", kind="stable", ignore_index=True)
    if rows.empty:
        raise BadInput(f"{folder}: the run has no requests to calibrate from")
    info = RunInfo.read(folder)
    start_ns = info.start_ns if info is not None and info.start_ns is not None else int(rows["start_ns"].iloc[0])
    return Recorded(folder, lab, scenario, start_ns, rows)
