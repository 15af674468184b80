"""`tripcurve run --repeat` and `--until`: which runs are made, when they end, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from locustfiles.commands import repeat as module
from locustfiles.commands.repeat import Repeated, repeat_run
from locustfiles.telemetry.choice import NO_EXPORTERS, Exporters
from tests.summaries import summary_of, write_summary
from tripcurve.errors import BadInput
from tripcurve.run.repeats import parse_until
from tripcurve.run.summary import Summary

Made = tuple[int, Summary | None]
"""The exit code of a run and its summary; None: it recorded nothing."""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[Made]], list[int]]:
    """Let runs take no time and end as given. Returns the list of seeds, which fills."""

    def give(made: Iterator[Made]) -> list[int]:
        seeds: list[int] = []

        def run(*given: Any, seed: int, quiet: bool, exporters: Exporters) -> int:
            assert (quiet, exporters) == (True, NO_EXPORTERS)
            seeds.append(seed)
            code, summary = next(made)
            if summary is not None:
                write_summary(given[3], summary)
            return code

        monkeypatch.setattr(module, "run", run)
        return seeds

    return give


def listed(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "repeats.json").read_text("utf-8"))
    return content


def asked(runs: int, until: str | None = None, seed: int | None = None) -> Repeated:
    return Repeated("quick", "steady", "local", runs, None if until is None else parse_until(until), seed)


def ends(*codes: int) -> Iterator[Made]:
    return iter([(code, summary_of(10.0)) for code in codes])


def test_each_run_has_a_folder_of_its_own_and_the_next_seed(
    runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path
) -> None:
    seeds = runs(ends(0, 0, 0))
    folder, code = repeat_run(asked(3, seed=7), tmp_path / "it")
    assert (code, seeds) == (0, [7, 8, 9])
    assert listed(folder)["end"] == "finished"
    assert [(run["run"], run["seed"]) for run in listed(folder)["runs"]] == [
        ("run-01", 7),
        ("run-02", 8),
        ("run-03", 9),
    ]


def test_the_first_seed_is_the_scenarios(runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path) -> None:
    seeds = runs(ends(0, 0))
    repeat_run(asked(2), tmp_path / "it")
    assert seeds == [0, 1]


def test_the_exit_code_is_that_of_the_worst_run(runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path) -> None:
    for codes, worst in (((0, 1, 0), 1), ((4, 1, 0), 4), ((1, 3, 1), 3)):
        runs(ends(*codes))
        assert repeat_run(asked(3), tmp_path / f"{worst}")[1] == worst


def test_an_interrupt_ends_the_runs_and_keeps_the_finished_ones(
    runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path
) -> None:
    runs(iter([(1, summary_of(9.0)), (130, summary_of(None, interrupted=True))]))
    folder, code = repeat_run(asked(5), tmp_path / "it")
    assert code == 130
    assert (listed(folder)["end"], [run["exit"] for run in listed(folder)["runs"]]) == ("interrupted", [1, 130])


def test_an_interrupt_during_a_report_ends_the_runs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*given: Any, **_: Any) -> int:
        write_summary(given[3], summary_of(9.0))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run", run)
    folder, code = repeat_run(asked(5), tmp_path / "it")
    assert code == 130
    assert [run["run"] for run in listed(folder)["runs"]] == ["run-01"]


def test_a_run_that_records_nothing_is_the_last(
    runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs(iter([(0, summary_of(9.0)), (3, None)]))
    folder, code = repeat_run(asked(5), tmp_path / "it")
    assert code == 3
    assert listed(folder)["end"] == "nothing recorded"
    assert "run 2 of 5: exit code 3, nothing recorded" in capsys.readouterr().err


def test_runs_are_made_until_the_precision_is_reached(
    runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outages = iter([10.0, 14.0, 10.1, 10.0, 9.9, 10.0, 10.05, 9.95, 10.1, 10.0])
    seeds = runs((0, summary_of(outage)) for outage in outages)
    folder, code = repeat_run(asked(50, "outage_s.median ± 5%"), tmp_path / "it")
    assert (code, len(seeds)) == (0, 9)  # from nine values on, the interval leaves out the outlier
    assert listed(folder)["end"] == "precise"
    assert "over 9 runs 10.000 ± 0.100" in capsys.readouterr().err


def test_a_precision_that_is_not_reached_exits_with_1(
    runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path
) -> None:
    seeds = runs((0, summary_of(float(value))) for value in count(1))
    folder, code = repeat_run(asked(6, "outage_s.median ± 5%"), tmp_path / "it")
    assert (code, len(seeds), listed(folder)["end"]) == (1, 6, "not precise")


def test_a_measure_that_no_run_observes_ends_the_runs(
    runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path
) -> None:
    seeds = runs((0, summary_of(None)) for _ in count())
    _, code = repeat_run(asked(50, "outage_s.median ± 5%"), tmp_path / "it")
    assert (code, len(seeds)) == (1, 5)


def test_invalid_runs_do_not_make_the_interval_narrow(
    runs: Callable[[Iterator[Made]], list[int]], tmp_path: Path
) -> None:
    runs((4, summary_of(10.0, problem="load was not sent")) if n < 3 else (0, summary_of(10.0)) for n in count())
    folder, code = repeat_run(asked(50, "outage_s.median ± 5%"), tmp_path / "it")
    assert (code, len(listed(folder)["runs"])) == (4, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"lab": "nothing"}, "nothing"), ({"scenario": "nothing"}, "nothing"), ({"checks": ["x"]}, "check")],
)
def test_bad_input_is_refused_before_anything_starts(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    given = {"lab": "quick", "scenario": "steady", "target": "local", "runs": 2, **change}
    with pytest.raises(BadInput, match=message):
        repeat_run(Repeated(**given), tmp_path / "it")
    assert not (tmp_path / "it").exists()
