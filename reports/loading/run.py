"""Reads a run directory, the first of three steps: load, analyse, render."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.loading.clocks import clocks_of
from reports.loading.decisive import MARGIN, decisive
from reports.loading.pieces import NO_ROWS, PIECE_ROWS, Records, Source, parquet_source, shard_sources
from reports.statistics.arrivals import Arrivals
from reports.statistics.tally import Tally
from tripcurve.breaker.events import BreakerEvent, read_events
from tripcurve.documents import read_document
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import EVENTS, LAB, REQUESTS, SCENARIO
from tripcurve.scenario import Scenario

__all__ = ["Run", "load"]

NS = 1_000_000_000


@dataclass(frozen=True)
class Run:
    """A recorded run.

    `start_ns`: the run's start, unix ns: as recorded, or the earliest intended start in the first piece. `tally`:
    counts and latencies of all requests. `arrivals`: the requests that the schedule asked for, by phase. `decisive`:
    the requests from which trips and resets are found (see `reports.loading.decisive`). `info`: run.json, or
    `RunInfo.of_killed_run()` if the run was killed before it was written. `events`: the gateway's own breaker events,
    sorted by instant; None if the target records none. `notes`: sentences for the report about the data, such as that a
    shard was cut short.
    """

    folder: Path
    lab: Lab
    scenario: Scenario
    start_ns: int
    tally: Tally
    arrivals: Arrivals
    decisive: pd.DataFrame
    records: Records
    info: RunInfo
    events: list[BreakerEvent] | None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def requests(self) -> pd.DataFrame:
        """One row per attempt, sorted by start, with the columns of `Records.pieces`. Reads the whole run."""
        return _to_frame(self.records.read(), self.records)

    @property
    def duration_s(self) -> float:
        """Seconds from the start to the recorded end, or to the end of the last answer if no end was recorded."""
        end_ns = self.tally.end_ns if self.info.end_ns is None else self.info.end_ns
        return (end_ns - self.start_ns) / NS


def load(folder: Path | str, *, piece_rows: int = PIECE_ROWS, margin: int = MARGIN) -> Run:
    """Load the run in a folder, in pieces of `piece_rows` rows. Killed runs load from their `.arrows` shards.

    `margin`: see `reports.loading.decisive`. Raises BadInput if the folder has no run, or if a file is damaged or has a
    newer version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a run directory; give one that `tripcurve run` made, such as runs/quick-…")
    if not (folder / LAB).is_file():
        raise BadInput(_not_a_run(folder))
    reader = _Reader(folder, piece_rows, margin)
    whole, missing = folder / REQUESTS, "there is neither requests.parquet nor requests-*.arrows"
    if whole.exists():
        try:
            return reader.read([parquet_source(whole)])
        except (pa.ArrowException, OSError) as error:
            damaged = f"requests.parquet is damaged ({type(error).__name__})"
            reader.notes = [f"{damaged}; read from the workers' shards instead"]
            missing = f"{damaged}, and there are no requests-*.arrows to read instead"
    shards = shard_sources(folder, reader.notes)
    if not shards:
        raise BadInput(f"{folder} has no requests: {missing}")
    return reader.read(shards)


def _not_a_run(folder: Path) -> str:
    """Return a message that says what the folder is instead, and what to give."""
    runs = sorted(path.parent for path in folder.glob(f"*/{LAB}"))
    if not runs:
        return f"{folder} is not a run directory: it has no {LAB}; give one that `tripcurve run` made"
    number = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    return f"{folder} is a folder of {number}, not a run directory; give one of them, such as {runs[-1]}"


class _Reader:
    """Reads the requests of a run. Making it reads the lab and the scenario."""

    def __init__(self, folder: Path, piece_rows: int, margin: int) -> None:
        self.notes: list[str] = []
        self._folder, self._piece_rows, self._margin = folder, piece_rows, margin
        self._lab = read_document(folder / LAB, Lab, "lab")
        self._scenario = read_document(folder / SCENARIO, Scenario, "scenario")

    def read(self, sources: list[Source]) -> Run:
        """Read the requests from these sources. Raises ArrowException or OSError if one is damaged."""
        info = RunInfo.read(self._folder)
        probed = info is None or (info.probing is not None and info.probing.requests > 0)
        if info is None:
            self.notes.append("run.json is missing: the run was killed; its end, pacing and counts are not known")
            info = RunInfo.of_killed_run()
        records = Records.of(sources, clocks_of(info), self._lab, probed, self._piece_rows)
        start_ns = _start_ns(info, records)
        last_ns = records.last_ns if info.end_ns is None else info.end_ns
        tally = Tally(start_ns, (last_ns - start_ns) / NS, records.rows)
        arrivals = Arrivals(self._scenario, start_ns)
        kept = []
        for piece in records.pieces():
            traffic = piece.filter(pc.invert(piece["dense"])) if probed else piece
            tally.add(traffic)
            arrivals.add(traffic)
            tally.probes += len(piece) - len(traffic)
            kept.append(decisive(piece, self._lab, self._margin))
        arrivals.finish()
        self._note(records, tally)
        empty = decisive(NO_ROWS, self._lab)
        return Run(
            folder=self._folder,
            lab=self._lab,
            scenario=self._scenario,
            start_ns=start_ns,
            tally=tally,
            arrivals=arrivals,
            decisive=_to_frame(pa.concat_tables([empty, *kept]).unify_dictionaries(), records),
            records=records,
            info=info,
            events=_read_events(self._folder / EVENTS),
            notes=self.notes,
        )

    def _note(self, records: Records, tally: Tally) -> None:
        self.notes += records.clocks.notes()
        if records.sheds.doubt is not None:
            self.notes.append(records.sheds.doubt)
        if records.unmarked is not None:
            self.notes.append(records.unmarked.note)
        backwards = records.rows - tally.total - tally.probes
        if backwards > 0:
            self.notes.append(f"{backwards} requests ended before they began: a clock was set back; they are left out")


def _start_ns(info: RunInfo, records: Records) -> int:
    if info.start_ns is not None:
        return info.start_ns
    first = next(records.pieces(), None)
    return 0 if first is None or not len(first) else int(pc.min(first["intended_ns"]).as_py())


def _to_frame(table: pa.Table, records: Records) -> pd.DataFrame:
    """Return the rows as a DataFrame, with a column for each kind of doubt that the run has.

    `clock_doubt_ns`: see `Clocks.correct`. `origin_in_doubt`: whether the answer may be a backend's or the gateway's.
    """
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    if not records.clocks.in_doubt:
        del frame["clock_doubt_ns"]
    if records.unmarked is not None and records.unmarked.shed_below_us is not None:
        frame = frame.assign(
            origin_in_doubt=(frame["origin"] == "backend") & records.sheds.hold(frame["status"].to_numpy())
        )
    return frame


def _read_events(path: Path) -> list[BreakerEvent] | None:
    if not path.exists():
        return None
    with path.open(encoding="utf-8", errors="replace") as lines:
        events = list(read_events(lines))
    return sorted(events, key=lambda event: event.at_ns)
