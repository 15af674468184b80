"""What a change of a rule or a quota would give, in virtual time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.commands.capacity import changed, simulate_what_ifs
from tripcurve.errors import BadInput
from tripcurve.lab import load_lab
from tripcurve.run.info import RunInfo
from tripcurve.scenario.search import Bounds


def carried(folder: Path) -> float:
    probes = json.loads((folder / "probes.json").read_text())["probes"]
    return max(probe["rate"] for probe in probes if probe["carried"])


def test_twice_the_quota_carries_twice_the_load(tmp_path: Path) -> None:
    """The lab quota admits 600 requests a minute: 10 a second."""
    bounds = Bounds(start=4, highest=40, probe_s=5, tolerance=0.1)
    found = simulate_what_ifs("quota", "steady", ["rpm=1200"], bounds, tmp_path)
    assert [change for change, _ in found] == [None, "rpm=1200"]
    (_, base), (_, twice) = found
    assert carried(base) == pytest.approx(10, rel=0.12)
    assert carried(twice) == pytest.approx(20, rel=0.12)
    info = RunInfo.read(base / "probe-01")
    assert info is not None
    assert info.target == "simulated"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("count=10", "count: 10"),
        ("interval=PT1M,trip_duration=PT30S", "interval: 60.0"),
        ("accept_retry_after=true", "accept_retry_after: True"),
        ("percentage=50", "percentage: 50"),
    ],
)
def test_a_part_of_the_rule_is_changed(change: str, expected: str) -> None:
    rule = changed(load_lab("quick"), change).backends[0].breaker
    assert rule is not None
    name, _, value = expected.partition(": ")
    assert str(getattr(rule, name)) == value
    assert (rule.count is None) != (rule.percentage is None)


def test_units_and_quotas_are_changed() -> None:
    lab = changed(load_lab("quota"), "units=3,tpm=5")
    assert lab.units == 3
    assert lab.backends[0].limits is not None
    assert (lab.backends[0].limits.rpm, lab.backends[0].limits.tpm) == (600, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("rpn=1200", "did you mean 'rpm'"),
        ("rpm=", "write NAME=VALUE"),
        ("rpm=-5", "--what-if rpm=-5: backends"),
        ("count=x", "--what-if count=x: backends"),
        ("no-such-lab", "no-such-lab"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_before_anything_is_written(
    tmp_path: Path, change: str, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        simulate_what_ifs("quota", "steady", [change], Bounds(start=4, highest=8), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lab_file_is_a_change(tmp_path: Path) -> None:
    found = simulate_what_ifs("quota", "steady", ["quick"], Bounds(start=4, highest=8, probe_s=1), tmp_path)
    assert carried(found[1][1]) == 8


def test_a_search_that_would_take_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="too high to simulate"):
        simulate_what_ifs("quota", "steady", [], Bounds(highest=100_000), tmp_path)
