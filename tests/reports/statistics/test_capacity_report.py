"""Costs of a carried load, and the answers that a subject gives of itself."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reports.statistics.capacity_report import CapacityReport, Prices, cost_of
from tests.reports.steps import step
from tests.reports.subjects import subject


def test_costs_follow_from_the_tokens() -> None:
    """10 requests/s with 40 and 20 tokens: 400 and 200 tokens/s, at 0.5 and 2 for a million."""
    cost = cost_of(step(10), Prices(input=0.5, output=2, currency="EUR"))
    assert cost is not None
    assert cost.per_hour == pytest.approx((400 * 0.5 + 200 * 2) / 1e6 * 3600)
    assert cost.per_million_tokens == pytest.approx(1.0)
    assert cost.per_1000_requests == pytest.approx(0.06)
    assert cost.currency == "EUR"


def test_an_hourly_price_is_spread_over_what_is_carried() -> None:
    cost = cost_of(step(10), Prices(hour=36))
    assert cost is not None
    assert cost.per_hour == pytest.approx(36)
    assert cost.per_million_tokens == pytest.approx(0.01 / 600 * 1e6)


def test_no_tokens_no_step_or_no_price_is_no_cost() -> None:
    assert cost_of(step(10, tokens=(0, 0)), Prices(input=1)) is None
    assert cost_of(None, Prices(input=1)) is None
    assert cost_of(step(10), None) is None


@pytest.mark.parametrize("mistake", [{"input": -1}, {"currency": "<b>"}, {"output": float("nan")}, {"per_token": 1}])
def test_prices_that_make_no_sense_are_refused(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Prices.model_validate(mistake)


def test_a_limit_of_the_generator_is_not_the_targets() -> None:
    quota = subject(step(10), step(40, answers={"429 backend": 0.5}))
    generator = subject(step(10), step(40, delivered=0.5, cause="400 arrivals found no free user"))
    assert (quota.limit_reached, generator.limit_reached, subject(step(10)).limit_reached) == (True, False, False)


def test_the_file_has_the_keys_of_the_capacity_and_the_others_beside() -> None:
    plain = CapacityReport(subject=subject(step(10)), beside=(subject(step(20)),)).as_written()
    assert {"schema", "tripcurve", "carried", "failed", "curve", "headroom", "confidence", "steps", "knee"} <= set(
        plain
    )
    [other] = plain["beside"]  # type: ignore[misc]  # a list of one
    assert other["carried"]["offered_s"] == pytest.approx(20)  # type: ignore[index, call-overload]
