"""Two groups of runs differ only where the runs' own spread does not explain it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.statistics import groups
from reports.statistics.comparison import parse_limit
from reports.statistics.groups import GroupComparison, Member, compare_groups, is_group, paths_of, read_groups
from tests.reports.runs import RULE, TRIP, lab_of, scenario_of, write
from tripcurve.errors import BadInput
from tripcurve.run.summary import Problem

NOISE = (0.0, 0.3, -0.2, 0.1, -0.1)


def members(*outages: float | None, absorption: float = 0.9, problem: str | None = None) -> list[Member]:
    return [
        Member(Path(f"run-{index}"), {"outage_s.median": value, "absorption": absorption + index / 1000}, problem, [])
        for index, value in enumerate(outages)
    ]


def compared(base: list[Member], run: list[Member], *limits: str) -> dict[str, GroupComparison]:
    return {one.measure: one for one in compare_groups(base, run, [parse_limit(limit) for limit in limits])}


def test_a_difference_beyond_the_runs_spread_is_higher_with_its_effect() -> None:
    found = compared(members(*(10 + one for one in NOISE)), members(*(12 + one for one in NOISE)))
    outage, absorption = found["outage_s.median"], found["absorption"]
    assert (outage.verdict, outage.effect) == ("higher", 1.0)
    assert outage.difference == pytest.approx(2.0)
    assert outage.low is not None
    assert outage.high is not None
    assert 1.5 < outage.low < 2 < outage.high < 2.5
    assert absorption.verdict == "same"


def test_a_difference_within_the_runs_spread_is_the_same() -> None:
    found = compared(members(10, 12, 11, 9, 13), members(11, 12, 10, 13, 10), "outage_s.median=0%")
    assert found["outage_s.median"].verdict == "same"
    assert not found["outage_s.median"].regressed


def test_three_runs_on_each_side_are_too_few_whatever_they_show() -> None:
    found = compared(members(1, 1.1, 1.2), members(90, 91, 92), "outage_s.median=10%")["outage_s.median"]
    assert (found.verdict, found.regressed, found.undecided) == ("too few to tell", False, True)


def test_a_difference_that_many_measures_make_likely_is_only_possible() -> None:
    base, run = members(10, 10.1, 10.3, 10.4, 10.5), members(10.4, 10.6, 10.8, 11, 11.2)
    for group in (base, run):
        for index, member in enumerate(group):
            member.values.update({f"m{number}": float(hash((number, index)) % 7) for number in range(12)})
    found = compared(base, run)["outage_s.median"]
    assert found.p is not None
    assert found.family_p is not None
    assert found.p <= 0.05 < found.family_p
    assert found.verdict == "possibly higher"


@pytest.mark.parametrize(("limit", "regressed"), [("10%", True), ("1", True), ("25%", False), ("3", False)])
def test_a_limit_is_exceeded_beyond_noise_only(limit: str, regressed: bool) -> None:
    base, run = members(*(10 + one for one in NOISE)), members(*(12 + one for one in NOISE))
    assert compared(base, run, f"outage_s.median={limit}")["outage_s.median"].regressed is regressed
    assert not compared(run, base, f"outage_s.median={limit}")["outage_s.median"].regressed


def test_less_absorption_is_worse() -> None:
    base, run = members(*[1.0] * 5, absorption=0.9), members(*[1.0] * 5, absorption=0.5)
    assert compared(base, run, "absorption=10%")["absorption"].regressed
    assert not compared(run, base, "absorption=10%")["absorption"].regressed


def test_a_measure_that_one_group_lacks_is_said_and_fails_its_limit() -> None:
    found = compared(members(1, 2, 3, 4), members(None, None, None, None), "outage_s.median=10%")["outage_s.median"]
    assert (found.verdict, found.regressed, found.run_n) == ("only one group has it", True, 0)


def test_runs_that_observed_nothing_are_left_out_of_a_measure() -> None:
    found = compared(members(10, 10.1, None, 9.9, 10.2), members(14, 14.1, 14.2, None, 13.9))["outage_s.median"]
    assert (found.base_n, found.run_n) == (4, 4)
    assert found.family_p is not None
    assert found.p is not None
    assert found.family_p > found.p
    assert found.low is not None
    assert found.low > 3


def test_invalid_runs_are_not_compared() -> None:
    base = [*members(*(10 + one for one in NOISE)), *members(99, problem="load was not sent")]
    assert compared(base, members(*(10 + one for one in NOISE)))["outage_s.median"].base_n == 5


def test_a_folder_of_runs_gives_its_runs_once_and_no_links(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "lab.yaml").touch()
    (tmp_path / "runs" / "c").symlink_to(tmp_path / "runs" / "a")
    (tmp_path / "runs" / "empty").mkdir()
    folder = tmp_path / "runs"
    assert is_group(folder)
    assert not is_group(folder / "a")
    assert not is_group(tmp_path)
    assert paths_of([folder, folder / "a"]) == [folder / "a", folder / "b"]


def test_groups_are_read_with_what_makes_them_unlike_and_seeds_may_differ(tmp_path: Path) -> None:
    seeds = [write(tmp_path / f"s{n}", lab_of(), TRIP.model_copy(update={"seed": n}), seed=n) for n in range(2)]
    other = write(tmp_path / "other", lab_of(RULE | {"trip_duration": 2}), TRIP, seed=1)
    base, run = read_groups(seeds[:1], [seeds[1], other])
    assert [member.unlike for member in (*base, *run)] == [[], [], ["lab: p and p differ in backends"]]
    assert base[0].values["open_s.median"] == pytest.approx(1, abs=0.05)


def test_a_group_without_a_valid_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "run", lab_of(), scenario_of({"for": 1}), seed=1)
    lost = Problem(kind="target lost", text="it went away")
    monkeypatch.setattr(groups, "find_problems", lambda run: [lost])
    with pytest.raises(BadInput, match="valid measurement"):
        read_groups([folder], [folder])
