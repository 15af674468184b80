"""Sets errors of measured instants beside their half-widths, over one run or several, where the truth is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tripcurve.run.summary import Summary

__all__ = ["Calibration", "Point", "calibration", "points"]

INSTANTS = ("tripped_s", "reset_s")


@dataclass(frozen=True, slots=True)
class Point:
    """One measured instant: its name, the kind of evidence (None: an older summary), half-width and error in ms."""

    instant: str
    by: str | None
    half_width_ms: float
    error_ms: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The `n` instants of one name and one kind of evidence.

    `median_error_ms` is without sign. `mean_error_ms` has the sign, so it shows a bias. `largest_share` is the largest
    error as a share of its half-width, None if a half-width is 0. `outside` counts errors larger than the half-width.
    """

    instant: str
    by: str | None
    n: int
    median_error_ms: float
    mean_error_ms: float
    median_half_width_ms: float
    largest_share: float | None
    outside: int


def points(summary: Summary) -> list[Point]:
    """Return the measured instants of a run whose truth is known, in order of its trips."""
    return [
        Point(name, measured.by, measured.half_width * 1000, error_s * 1000)
        for trip in summary.trips
        for name, (measured, error_s) in trip.errors.items()
    ]


def calibration(found: Iterable[Point]) -> list[Calibration]:
    """Return a row for each instant and kind of evidence that occurs, trips first."""
    groups: dict[tuple[str, str | None], list[Point]] = {}
    for point in found:
        groups.setdefault((point.instant, point.by), []).append(point)
    ordered = sorted(groups, key=lambda key: (INSTANTS.index(key[0]), key[1] or ""))
    return [_row(*key, groups[key]) for key in ordered]


def _row(instant: str, by: str | None, own: list[Point]) -> Calibration:
    errors, widths = np.array([one.error_ms for one in own]), np.array([one.half_width_ms for one in own])
    sizes = np.abs(errors)
    return Calibration(
        instant=instant,
        by=by,
        n=len(own),
        median_error_ms=float(np.median(sizes)),
        mean_error_ms=float(np.mean(errors)),
        median_half_width_ms=float(np.median(widths)),
        largest_share=float(np.max(sizes / widths)) if np.all(widths > 0) else None,
        outside=int(np.sum(sizes > widths)),
    )
