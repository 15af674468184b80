"""Searches, runs and logs as subjects: planted loads with a known limit, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.statistics.capacity_sources import Reading, read_subject, simulated_of
from tests.reports.runs import RULE, fault, lab_of, scenario_of, write
from tests.reports.steps import traffic_of_step
from tripcurve.errors import BadInput
from tripcurve.lab import Lab

RATES = (10, 16, 40)


def limited(**limits: int) -> Lab:
    return lab_of(backends=[{"name": "m1", "limits": limits, "latency": {"median_ms": 10, "p95_ms": 20}}])


def step_run(folder: Path, lab: Lab, *, seconds: float = 10) -> Path:
    return write(folder, lab, scenario_of(*({"for": seconds, "rate": rate} for rate in RATES)), seed=1)


def log_of(path: Path, *, columns: str = "time,status,latency_ms,prompt_tokens,completion_tokens") -> Path:
    """A log of 80 s at 10, 20, 30 and 40 requests/s, of which half of the last are 429s."""
    lines = [columns]
    for index, rate in enumerate((10, 20, 30, 40)):
        answers = {"429 backend": 0.5} if rate == 40 else {}
        own = traffic_of_step(rate, begin_s=20 * index, answers=answers, seed=index)
        for row in range(len(own)):
            tokens = f"{own.tokens_in[row]:.0f},{own.tokens_out[row]:.0f}"
            lines.append(f"{1_764_000_000 + own.due_s[row]:.3f},{own.status[row]},{own.latency_ms[row]:.3f},{tokens}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_step_run_with_a_quota_of_requests_is_limited_by_it(tmp_path: Path) -> None:
    found = read_subject(step_run(tmp_path / "run", limited(rpm=1200)), Reading())
    assert (found.source, found.cause.kind, found.limit_reached) == ("run", "requests quota", True)
    assert found.capacity.carried is not None
    assert found.capacity.carried.offered_s == pytest.approx(16, rel=0.02)
    assert found.highest is not None
    assert found.highest.step == found.capacity.carried


def test_a_step_run_with_a_quota_of_tokens_is_limited_by_it(tmp_path: Path) -> None:
    """60 tokens a request: 20 requests/s for a minute are 72,000 tokens."""
    found = read_subject(step_run(tmp_path / "run", limited(tpm=20_000)), Reading())
    assert found.cause.kind == "tokens quota"
    assert any("counted per minute" in note for note in found.notes)


def test_a_step_run_without_a_limit_says_so(tmp_path: Path) -> None:
    found = read_subject(step_run(tmp_path / "run", lab_of(), seconds=3), Reading())
    assert (found.cause.kind, found.limit_reached) == ("none reached", False)
    assert "at least this" in found.capacity.confidence


def test_a_run_that_simulates_faults_is_refused(tmp_path: Path) -> None:
    run = write(tmp_path / "run", lab_of(), scenario_of({"for": 2}, {"for": 2, "simulate": fault()}))
    with pytest.raises(BadInput, match="simulates a fault"):
        read_subject(run, Reading())


def test_a_ramp_is_read_in_windows(tmp_path: Path) -> None:
    run = write(tmp_path / "run", limited(rpm=1200), scenario_of({"for": 60, "rate": {"from": 5, "to": 60}}))
    found = read_subject(run, Reading())
    assert found.window_s == 1
    assert found.cause.kind == "requests quota"
    assert found.capacity.carried is not None
    assert 10 < found.capacity.carried.offered_s < 30


def test_a_log_shows_the_load_from_which_requests_fail(tmp_path: Path) -> None:
    found = read_subject(log_of(tmp_path / "log.csv"), Reading(lab=limited(rpm=1800)))
    assert (found.source, found.window_s, found.cause.kind) == ("log", 1, "requests quota")
    assert found.capacity.carried is not None
    assert found.capacity.failed is not None
    assert found.capacity.carried.offered_s == pytest.approx(30, rel=0.05)
    assert found.capacity.failed.offered_s == pytest.approx(40, rel=0.05)
    assert [quota.quota for quota in found.capacity.headroom] == ["requests per minute"]
    assert [step.late for step in found.steps] == [None] * 4


def test_a_log_without_a_lab_knows_no_quota(tmp_path: Path) -> None:
    found = read_subject(log_of(tmp_path / "log.csv"), Reading())
    assert (found.lab, found.cause.kind, found.capacity.headroom) == (None, "quota", ())
    assert any("No lab was given" in note for note in found.notes)


def test_a_given_window_is_used(tmp_path: Path) -> None:
    found = read_subject(log_of(tmp_path / "log.csv"), Reading(window_s=2))
    assert found.window_s == 2


def test_a_search_that_was_interrupted_leaves_its_last_probe_out(tmp_path: Path) -> None:
    step_run(tmp_path / "probe-01", lab_of(), seconds=1)
    probes = [{"run": "probe-01", "reason": None}, {"run": "probe-02", "reason": "interrupted"}]
    (tmp_path / "probes.json").write_text(json.dumps({"success": 0.99, "probes": probes}))
    found = read_subject(tmp_path, Reading())
    assert len(found.steps) == 3
    assert found.notes[0] == "The search was interrupted."


def test_a_probe_elsewhere_is_not_followed(tmp_path: Path) -> None:
    step_run(tmp_path / "outside" / "probe-01", lab_of(), seconds=1)
    inside = tmp_path / "search"
    inside.mkdir()
    probes = [{"run": "../outside/probe-01", "reason": None}]
    (inside / "probes.json").write_text(json.dumps({"success": 0.99, "probes": probes}))
    with pytest.raises(BadInput, match="not a run directory"):
        read_subject(inside, Reading())


def test_a_simulated_search_is_summed_up(tmp_path: Path) -> None:
    step_run(tmp_path / "probe-01", limited(rpm=1200))
    (tmp_path / "probes.json").write_text(
        json.dumps({"success": 0.99, "probes": [{"run": "probe-01", "reason": None}]})
    )
    found = simulated_of("rpm=1200", tmp_path)
    assert found.change == "rpm=1200"
    assert found.carried_s == pytest.approx(16, rel=0.02)
    assert found.failed_s == pytest.approx(40, rel=0.02)


def test_what_is_none_of_the_three_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(BadInput, match="no run directory"):
        read_subject(tmp_path / "notes.txt", Reading())
    with pytest.raises(BadInput, match="not a run directory"):
        read_subject(tmp_path, Reading())


def test_a_rule_that_opens_on_the_quotas_429s_is_evidence_not_the_cause(tmp_path: Path) -> None:
    backend = {"name": "m1", "breaker": RULE, "limits": {"rpm": 1200}, "latency": {"median_ms": 10, "p95_ms": 20}}
    found = read_subject(step_run(tmp_path / "run", lab_of(backends=[backend])), Reading())
    assert found.cause.kind == "requests quota"
    assert any("The breaker opened" in line for line in found.cause.evidence)


@pytest.mark.parametrize("window_s", [0, -1, 1e9])
def test_a_window_that_makes_no_sense_is_refused(tmp_path: Path, window_s: float) -> None:
    with pytest.raises(BadInput, match="--window"):
        read_subject(log_of(tmp_path / "log.csv"), Reading(window_s=window_s))
