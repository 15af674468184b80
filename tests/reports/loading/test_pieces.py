"""A run read in small pieces, with little kept of each, says what the same run says read whole."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.loading.decisive import decisive
from reports.loading.pieces import NO_ROWS
from reports.loading.run import Run, load
from reports.statistics.series import latency_lines, latency_sample, outcomes_over_time
from reports.statistics.summary import summarise
from reports.trips.analysis import Analysis, analyse
from tests.reports.runs import RULE, TRIP, fault, lab_of, scenario_of, write, write_long
from tests.reports.strategies import NETWORKS, RULES, pool_of, scenarios
from tests.reports.trips.test_truth import misses
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SMALL = {"piece_rows": 300, "margin": 16}


def both(lab: Lab, scenario: Scenario, **options: Any) -> tuple[Run, Run]:
    """The same run read whole, and in small pieces."""
    with tempfile.TemporaryDirectory() as base:
        return both_ways(write(Path(base) / "run", lab, scenario, **options))


def both_long(lab: Lab) -> tuple[Run, Run]:
    """The same run of two minutes read whole, and in small pieces."""
    with tempfile.TemporaryDirectory() as base:
        return both_ways(write_long(Path(base) / "run", lab, LONG))


def both_ways(folder: Path) -> tuple[Run, Run]:
    whole, pieces = load(folder, margin=10**9), load(folder, **SMALL)
    assert len(whole.decisive) == len(whole.requests) == len(pieces.requests)  # read while they are there
    return whole, pieces


def in_pieces(lab: Lab, scenario: Scenario, **options: Any) -> Analysis:
    """The analysis of a run read in small pieces."""
    with tempfile.TemporaryDirectory() as base:
        return analyse(load(write(Path(base) / "run", lab, scenario, **options), **SMALL))


def as_json(run: Run, analysis: Analysis) -> Any:
    return json.loads(json.dumps(summarise(run, analysis, [])))


@FEW
@given(
    rule=RULES,
    scenario=scenarios(),
    network=NETWORKS,
    median_ms=st.sampled_from([0, 1, 20, 200]),
    seed=st.integers(0, 10_000),
)
def test_both_ways_of_reading_agree_on_one_breaker(
    rule: dict[str, Any], scenario: Scenario, network: Any, median_ms: float, seed: int
) -> None:
    whole, pieces = both(lab_of(rule, median_ms=median_ms), scenario, seed=seed, network=network)
    assert as_json(pieces, analyse(pieces)) == as_json(whole, analyse(whole))


@FEW
@given(
    rule=RULES, scenario=scenarios(), units=st.integers(2, 4), workers=st.integers(1, 3), seed=st.integers(0, 10_000)
)
def test_several_units_hold_the_truth(
    rule: dict[str, Any], scenario: Scenario, units: int, workers: int, seed: int
) -> None:
    assert not misses(in_pieces(lab_of(rule, units=units), scenario, seed=seed, workers=workers))


@FEW
@given(
    rule=RULES,
    scenario=scenarios(),
    priorities=st.sampled_from([(1, 2), (1, 1), (1, 1, 2), (None, None)]),
    weights=st.sampled_from([(1, 1, 1), (3, 1, 1)]),
    seed=st.integers(0, 10_000),
)
def test_a_pool_holds_the_truth(
    rule: dict[str, Any], scenario: Scenario, priorities: Any, weights: Any, seed: int
) -> None:
    assert not misses(in_pieces(pool_of(rule, priorities, weights, "smooth", 0), scenario, seed=seed))


def test_frames_for_charts_are_the_same() -> None:
    whole, pieces = both(lab_of(), TRIP, workers=2)
    for frame in (lambda run: outcomes_over_time(run, 11.0), latency_lines, latency_sample):
        assert frame(pieces).equals(frame(whole))
    assert pieces.requests.equals(whole.requests)


LONG = scenario_of({"for": 60}, {"for": 2, "simulate": fault()}, {"for": 60}, rate=200)


@pytest.mark.parametrize("rule", [RULE, RULE | {"trip_duration": 40}])
def test_of_a_long_run_few_requests_are_kept(rule: dict[str, Any]) -> None:
    whole, pieces = both_long(lab_of(rule, median_ms=2))
    assert len(whole.decisive) == whole.tally.total == 24_400
    assert len(pieces.decisive) < whole.tally.total / 4
    assert len(pieces.decisive) + pieces.decisive["left_out"].sum() == whole.tally.total
    assert as_json(pieces, analyse(pieces)) == as_json(whole, analyse(whole))


def test_for_a_percentage_all_requests_of_a_window_are_kept() -> None:
    rule = {"percentage": 50, "interval": 20, "trip_duration": 1, "status_codes": [429]}
    whole, pieces = both_long(lab_of(rule))
    assert as_json(pieces, analyse(pieces)) == as_json(whole, analyse(whole))


def test_a_rule_that_counts_successes_keeps_them_all() -> None:
    rule = RULE | {"count": 10_000, "interval": 3600, "status_codes": ["200-299"]}
    whole, pieces = both(lab_of(rule), scenario_of({"for": 20}, {"for": 2, "simulate": fault()}, {"for": 20}))
    assert as_json(pieces, analyse(pieces)) == as_json(whole, analyse(whole))
    assert (pieces.decisive["status"] == 200).sum() == (whole.decisive["status"] == 200).sum()


def test_requests_under_way_at_a_change_of_outcome_are_kept() -> None:
    """A slow answer that began long before the shed proves the breaker closed when it was admitted, and no later."""
    lab = lab_of(median_ms=400)
    run, _ = both_long(lab)
    frame = run.requests.assign(clock_doubt_ns=0)
    piece = (
        pa.Table.from_pandas(frame, schema=NO_ROWS.schema, preserve_index=False).unify_dictionaries().combine_chunks()
    )
    kept = decisive(piece, lab, 16).to_pandas()
    change = int(kept.loc[kept["status"] != 200, "start_ns"].min())
    ends = frame["start_ns"] + frame["latency_us"].astype(np.int64) * 1000
    under_way = frame[(frame["start_ns"] < change) & (ends >= change)]
    assert len(under_way) > 50
    assert set(under_way["start_ns"]) <= set(kept["start_ns"])
    assert len(kept) < len(frame) / 4
