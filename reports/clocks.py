"""Puts the workers' rows on one clock, and says how far each may still be off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["on_one_clock"]


def on_one_clock(frame: pd.DataFrame, info: dict[str, Any], notes: list[str]) -> pd.DataFrame:
    """The requests on the main process's clock, in start order.

    run.json tells each worker's offset (its clock minus the main one) and the half-width of that estimate, and
    whether rows were corrected when they were written. Where any half-width is not 0, the column `clock_doubt_ns` is
    added, which the trip analysis widens its intervals by.
    """
    shift, doubt = _told(info)
    if any(shift.values()):
        moved = frame["worker"].map(shift).fillna(0).to_numpy(dtype=np.int64)
        frame = frame.assign(start_ns=frame["start_ns"] - moved, intended_ns=frame["intended_ns"] - moved)
        frame = frame.sort_values("start_ns", kind="stable", ignore_index=True)
        most = max(abs(value) for value in shift.values()) / 1e6
        notes.append(f"workers' clocks were up to {most:.3f} ms off the main process's: corrected by their offsets")
    if any(doubt.values()):
        frame = frame.assign(clock_doubt_ns=frame["worker"].map(doubt).fillna(0).to_numpy(dtype=np.int64))
        most = max(doubt.values()) / 1e6
        notes.append(f"workers' clocks are known to within {most:.3f} ms; the trips' half-widths include it")
    return frame


def _told(info: dict[str, Any]) -> tuple[dict[int, int], dict[int, int]]:
    """By worker: ns still to take off its rows, and how far its clock may be off after that."""
    shift: dict[int, int] = {}
    doubt: dict[int, int] = {}
    workers = info.get("workers")
    for index, worker in enumerate(workers if isinstance(workers, list) else []):
        if not isinstance(worker, dict):
            continue
        told = worker.get("clock")
        clock = told if isinstance(told, dict) else worker
        number = worker.get("worker", worker.get("index", index))
        if not isinstance(number, int):
            continue
        shift[number] = 0 if clock.get("corrected") else _whole(clock.get("offset_ns"))
        doubt[number] = abs(_whole(clock.get("half_width_ns", clock.get("uncertainty_ns"))))
    return shift, doubt


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
