"""The charts of a capacity report: drawn for every shape of steps, with the knee and the interval in them."""

from __future__ import annotations

import json

import pytest

from reports.render.capacity_charts import latency_chart, rate_chart, token_chart
from reports.render.drawing import svg_of
from reports.statistics.capacity_report import Subject
from tests.reports.runs import lab_of
from tests.reports.steps import step
from tests.reports.subjects import subject

LAB = lab_of(backends=[{"name": "m1", "limits": {"rpm": 9000, "tpm": 600_000}}])
RISING = subject(*(step(rate, median_ms=20 if rate < 100 else 90, seed=rate) for rate in (25, 50, 100, 200)), lab=LAB)


@pytest.mark.parametrize(
    "shown", [RISING, subject(step(10)), subject(step(10, answers={"429 backend": 1.0}), step(20))]
)
def test_every_chart_is_drawn(shown: Subject) -> None:
    for chart in (rate_chart(shown), token_chart(shown), latency_chart(shown)):
        assert svg_of(chart).startswith("<svg")


def test_the_latency_marks_the_knee_and_the_band_it_lies_in() -> None:
    text = json.dumps(latency_chart(RISING))
    assert '"name": "knee"' in text
    assert '{"offered": 50.0, "end": 100.0}' in text


def test_a_knee_that_is_not_named_is_not_drawn() -> None:
    assert '"knee"' not in json.dumps(latency_chart(subject(step(10), step(20), step(30))))


def test_intervals_and_the_quota_are_drawn() -> None:
    [served] = [row for layer in rate_chart(RISING)["layer"] for row in layer["data"]["values"] if "high" in row][:1]
    assert served["value"] <= 25 <= served["high"]
    assert '"text": "quota"' in json.dumps(token_chart(RISING))
