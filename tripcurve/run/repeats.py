"""repeats.json: the list of runs that `--repeat` or `--until` made, and the precision that they are repeated for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tripcurve.errors import INTERRUPTED, BadInput, CheckFailed, NotRecorded, reason_of
from tripcurve.run.intervals import Interval, interval_of
from tripcurve.run.measures import fault_in, number_at
from tripcurve.run.summary import Summary
from tripcurve.run.writing import write_whole

__all__ = [
    "FEWEST",
    "MOST_REPEATS",
    "REPEATS",
    "End",
    "RepeatedRun",
    "Repeats",
    "Until",
    "interval_over",
    "is_valid",
    "number_of_runs",
    "parse_until",
    "read_repeats",
    "read_summary",
    "run_name",
    "values_of",
    "write_repeats",
]

REPEATS = "repeats.json"
MOST_REPEATS = 1000
MOST_UNTIL = 50
"""How many runs `--until` makes at most, unless --repeat gives a number."""
FEWEST = 5
"""`--until` makes at least so many runs: the interval of fewer is often narrow by luck."""

End = Literal["running", "finished", "precise", "not precise", "interrupted", "nothing recorded"]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RepeatedRun(_Closed):
    """One of the runs. `run`: its folder, beside repeats.json. `exit`: its exit code."""

    run: Annotated[str, Field(pattern=r"^run-\d{2,4}$")]
    seed: Annotated[int, Field(ge=0)]
    exit: int


class Repeats(_Closed):
    """The content of repeats.json. `asked`: the most runs. `until`: the precision that ends them earlier, or None.

    `end`: `running` (or killed), `finished` (as many as asked), `precise` or `not precise` (whether the precision was
    reached), `interrupted`, or `nothing recorded` (the last run recorded nothing, so no more were made).
    """

    version: Literal[1] = Field(1, alias="schema")
    lab: str
    scenario: str
    target: str
    asked: Annotated[int, Field(ge=1, le=MOST_REPEATS)]
    until: str | None = None
    end: End = "running"
    runs: tuple[RepeatedRun, ...] = ()

    def exit_code(self, exits: Iterable[int]) -> int:
        """Return the exit code of all runs, given those of each: the highest, or INTERRUPTED.

        It is at least 1 if the precision was not reached.
        """
        if self.end == "interrupted":
            return INTERRUPTED
        return max(CheckFailed.exit_code if self.end == "not precise" else 0, *exits, 0)


@dataclass(frozen=True, slots=True)
class Until:
    """The precision that ends repeats: the half-width of a measure's interval over runs.

    `within`: in the measure's unit, or as a fraction of its median if `share`.
    """

    text: str
    measure: str
    within: float
    share: bool

    def reached(self, interval: Interval) -> bool:
        """Return whether an interval over FEWEST runs or more is this narrow."""
        width, middle = interval.half_width, interval.median
        if interval.n < FEWEST or width is None or middle is None:
            return False
        return width <= (self.within * abs(middle) if self.share else self.within)


def parse_until(text: str) -> Until:
    """Parse a precision such as `outage_s.median ± 5%` or `outage_s.median +- 0.2`. Raises BadInput if it is none."""
    match = re.fullmatch(r"\s*([A-Za-z0-9_.]{1,100})\s*(?:±|\+/?-)\s*(\d{1,9}(?:\.\d{1,9})?)\s*(%?)\s*", text)
    if match is None:
        raise BadInput(f"--until {text!r} is not understood; it looks like `outage_s.median ± 5%` (`+-` also works)")
    measure, amount, percent = match.groups()
    fault = fault_in(tuple(measure.split(".")))
    if fault is not None:
        raise BadInput(f"--until {text!r}: {fault}")
    if not float(amount):
        raise BadInput(f"--until {text!r}: no number of runs makes an interval of width 0; give more than 0")
    return Until(text.strip(), measure, float(amount) / (100 if percent else 1), bool(percent))


def number_of_runs(repeat: int | None, until: Until | None) -> int:
    """Return the most runs to make. `repeat` None: as many as a precision may need. Raises BadInput for a bad number.

    A precision needs FEWEST runs at least.
    """
    fewest = 2 if until is None else FEWEST
    asked = MOST_UNTIL if repeat is None else repeat
    if not fewest <= asked <= MOST_REPEATS:
        beside = "" if until is None else " with --until"
        raise BadInput(f"--repeat {asked}: give {fewest} to {MOST_REPEATS} runs{beside}")
    return asked


def run_name(number: int) -> str:
    """Return the folder of run `number`, counted from 1."""
    return f"run-{number:02d}"


def write_repeats(folder: Path, repeats: Repeats) -> None:
    """Write repeats.json. Raises NotRecorded if it cannot be written."""
    try:
        write_whole(folder / REPEATS, repeats.model_dump_json(by_alias=True, indent=1) + "\n")
    except OSError as error:
        raise NotRecorded(f"{folder / REPEATS} cannot be written: {reason_of(error)}") from None


def read_repeats(folder: Path) -> Repeats:
    """Read repeats.json. Raises BadInput if there is none or it is not valid."""
    path = folder / REPEATS
    try:
        return Repeats.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {reason_of(error)}") from None
    except (ValidationError, ValueError):
        raise BadInput(f"{path} is not a list of repeated runs; `tripcurve run --repeat N` makes one") from None


def read_summary(path: Path) -> Summary | None:
    """Read a summary.json, or return None if there is none or it is not readable."""
    if not path.is_file():  # a pipe would never end
        return None
    try:
        return Summary.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


def is_valid(summary: Summary) -> bool:
    """Return whether a run counts: it was not interrupted and nothing made it an invalid measurement."""
    return not summary.interrupted and not summary.problems


def values_of(measure: str, summaries: Sequence[Summary]) -> list[float]:
    """Return a measure's value in each run that observed it."""
    path = tuple(measure.split("."))
    return [float(value) for one in summaries if (value := number_at(one, path)) is not None]


def interval_over(measure: str, summaries: Sequence[Summary]) -> Interval:
    """Return the interval of a measure over the runs that observed it."""
    return interval_of(values_of(measure, summaries))
