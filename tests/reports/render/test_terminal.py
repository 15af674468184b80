"""The terminal's summary: 80 columns, and nothing in a name can drive the terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reports.render.terminal import print_summary
from reports.statistics.facts import latency_rows, quality_rows
from tests.reports.conftest import Reported, typed
from tests.reports.render.golden import matches


def printed(summary: dict[str, Any], colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=colour, color_system="standard" if colour else None)
    print_summary(typed(summary), [Path("runs/it/report.html")], console)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["tripped", "good", "healthy", "units", "live", "killed"])
def test_it_fits_80_columns(kind: str, request: pytest.FixtureRequest) -> None:
    reported: Reported = request.getfixturevalue(kind)
    assert [line for line in printed(reported.summary).splitlines() if len(line) > 80] == []
    assert "…" not in printed(reported.summary)


def test_it_is_the_golden_one(tripped: Reported) -> None:
    assert matches("terminal.txt", printed(tripped.summary))


def test_ten_thousand_trips_print_the_first_and_say_so(many: Callable[[int], dict[str, Any]]) -> None:
    text = printed(many(10_000))
    assert "9,980 more trips" in text
    assert len(text.splitlines()) < 60


def test_a_killed_run_says_so(killed: Reported) -> None:
    assert "killed: the report covers what was recorded until then" in printed(killed.summary)


def test_several_units_say_when_all_had_tripped(units: Reported) -> None:
    assert "every unit tripped at" in " ".join(printed(units.summary).split())


def test_no_name_reaches_the_terminal_as_a_command(hostile: Reported) -> None:
    text = printed(hostile.summary)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u001b[31mred" in text.replace("\n", "")


def test_colour_has_words_beside_it(tripped: Reported) -> None:
    assert "✗ Rule not good" in printed(tripped.summary, colour=True)


def test_clocks_that_are_not_shared_are_told_with_their_doubt(tripped: Reported) -> None:
    clocks = [{"half_width_ns": 0, "shared": True}, {"half_width_ns": 1_500_000, "shared": False}]
    workers = [{"worker": number, "clock": clock} for number, clock in enumerate(clocks)]
    rows = dict(quality_rows(typed({**tripped.summary, "workers": workers})))
    assert rows["clock of worker 1"] == "corrected; known to ±1.500 ms"
    assert "clock of worker 0" not in rows


def test_streams_tokens_are_told_where_there_were_any(tripped: Reported) -> None:
    figures = {"n": 1000, "p50": 21.5, "p90": 30.0, "p95": 40.0, "p99": 55.5, "p999": 60.0, "max": 61.0}
    gaps = {"n": 19_000, "p50": 5.0, "p99": 9.5}
    text = printed({**tripped.summary, "first_token_ms": figures, "token_gap_ms": gaps})
    assert re.search(r"first token +p50 21\.5 · p95 40\.0 · p99 55\.5 ms of 1,000", text)
    rows = latency_rows(typed({**tripped.summary, "first_token_ms": figures, "token_gap_ms": gaps}))
    assert [row.since for row in rows[-2:]] == ["sending, to the first token", "one token to the next"]
    assert rows[-1].figures.p95 is None
    assert "first token" not in printed(tripped.summary)


def test_tokens_that_no_answer_told_are_not_called_none(tripped: Reported) -> None:
    untold = {"prompt": 0, "completion": 0, "per_minute": 0.0, "n": 0}
    assert re.search(r"tokens +no answer reported any", printed({**tripped.summary, "tokens": untold}))
