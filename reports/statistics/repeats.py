"""Summarises repeated runs: each measure's median over the runs, with the interval of its long-run value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from reports.statistics.verdict import verdict_of
from tripcurve.run.intervals import FEWEST_RANKED
from tripcurve.run.layout import SUMMARY, has_records
from tripcurve.run.repeats import End, Repeats, interval_over, is_valid, parse_until, read_summary, values_of
from tripcurve.run.summary import Summary

__all__ = ["INTERVALS", "MEASURES", "OneRun", "OverRuns", "RepeatsSummary", "measure_shown", "summarise_repeats"]

INTERVALS = "intervals.json"
MEASURES = (
    "outage_s.median",
    "outage_s.max",
    "time_to_trip_s.median",
    "open_s.median",
    "recovery_latency_s.median",
    "restored_s.median",
    "absorption",
    "retrips",
    "latency_intended_ms.backend.p50",
    "latency_intended_ms.backend.p99",
    "requests.rate_s",
)
"""The measures of a run that are summarised over runs, as paths in its summary."""


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class OverRuns(_Closed):
    """A measure over the `n` runs that count and observed it.

    `median`: of the runs' values. `low` and `high`: the 95 % interval of the long-run median; None: n < 2.
    """

    measure: str
    n: int
    median: float | None
    low: float | None
    high: float | None
    min: float | None
    max: float | None


class OneRun(_Closed):
    """One of the runs. `exit`: its exit code, or its verdict's if that is higher. `why_not` None: it counts.

    `values`: of the summarised measures; None: not observed. `label` None: it has no report.
    """

    run: str
    seed: int
    exit: int
    label: str | None
    symbol: str
    counts: bool
    why_not: str | None
    values: dict[str, float | None]


class RepeatsSummary(_Closed):
    """The content of intervals.json. `exit_code`: the highest of the runs', or 1 if `until` was not reached."""

    version: Literal[1] = Field(1, alias="schema")
    lab: str
    scenario: str
    target: str
    asked: int
    until: str | None
    end: End
    exit_code: int
    method: str
    measures: tuple[OverRuns, ...]
    runs: tuple[OneRun, ...]

    def as_written(self) -> str:
        """Return the content of the file."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"

    @property
    def counted(self) -> int:
        """The number of runs that count."""
        return sum(run.counts for run in self.runs)


@dataclass(frozen=True)
class _Read:
    """A run's entry, and its summary if it has one that counts."""

    one: OneRun
    summary: Summary | None


def measure_shown(repeats: Repeats) -> str:
    """Return the measure that the runs are repeated for: that of `until`, or the outage."""
    return MEASURES[0] if repeats.until is None else parse_until(repeats.until).measure


def summarise_repeats(repeats: Repeats, folder: Path) -> RepeatsSummary:
    """Return the summary of repeated runs from their summary.json files. Raises BadInput if `until` is not valid."""
    shown = measure_shown(repeats)
    names = tuple(dict.fromkeys((shown, *MEASURES)))
    read = [_read(repeats, index, folder, names) for index in range(len(repeats.runs))]
    counted = [each.summary for each in read if each.summary is not None]
    return RepeatsSummary(
        lab=repeats.lab,
        scenario=repeats.scenario,
        target=repeats.target,
        asked=repeats.asked,
        until=repeats.until,
        end=repeats.end,
        exit_code=repeats.exit_code(each.one.exit for each in read),
        method=_method(len(counted)),
        measures=tuple(_over(name, counted) for name in names),
        runs=tuple(each.one for each in read),
    )


def _method(n: int) -> str:
    """Return how the intervals were made, as a sentence."""
    if n < 2:
        return "An interval needs two runs that count."
    if n < FEWEST_RANKED:
        return (
            f"Intervals of fewer than {FEWEST_RANKED} runs are wide: each contains the runs' range and the t "
            "interval of their mean (97.5 %)."
        )
    return (
        "Intervals are order statistics: they contain the long-run median with 95 % or more, whatever its distribution."
    )


def _read(repeats: Repeats, index: int, folder: Path, names: Sequence[str]) -> _Read:
    entry = repeats.runs[index]
    path = folder / entry.run
    summary = None if path.is_symlink() else read_summary(path / SUMMARY)
    why_not = _why_not(path, summary)
    verdict = None if summary is None else verdict_of(summary)
    one = OneRun(
        run=entry.run,
        seed=entry.seed,
        exit=entry.exit if verdict is None else max(entry.exit, verdict.exit_code),
        label=None if verdict is None else verdict.label,
        symbol="!" if verdict is None else verdict.symbol,
        counts=why_not is None,
        why_not=why_not,
        values={} if summary is None else {name: _value(name, summary) for name in names},
    )
    return _Read(one, summary if why_not is None else None)


def _why_not(path: Path, summary: Summary | None) -> str | None:
    """Return why a run does not count, or None if it does."""
    if summary is None:
        return "its report is missing or not readable" if has_records(path) else "nothing was recorded"
    if is_valid(summary):
        return None
    return summary.problems[0].text if summary.problems else "it was interrupted"


def _value(measure: str, summary: Summary) -> float | None:
    return next(iter(values_of(measure, [summary])), None)


def _over(measure: str, counted: Sequence[Summary]) -> OverRuns:
    values, found = values_of(measure, counted), interval_over(measure, counted)
    return OverRuns(
        measure=measure,
        n=found.n,
        median=found.median,
        low=found.low,
        high=found.high,
        min=min(values, default=None),
        max=max(values, default=None),
    )
