"""The breaker's rule as a lab writes it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tripcurve.lab.rule import BreakerRule

GOOD: dict[str, Any] = {"count": 3, "interval": "PT5M", "status_codes": [429], "trip_duration": "PT1M"}


@pytest.mark.parametrize(
    ("written", "pair"), [(429, (429, 429)), ("429", (429, 429)), ("500-599", (500, 599)), ([500, 599], (500, 599))]
)
def test_a_status_range_is_read_from(written: Any, pair: tuple[int, int]) -> None:
    assert BreakerRule(**GOOD | {"status_codes": [written]}).status_codes == (pair,)


def test_ranges_are_inclusive_at_both_ends() -> None:
    rule = BreakerRule(**GOOD | {"status_codes": ["500-502"]})
    assert [rule.counts_status(status) for status in (499, 500, 502, 503)] == [False, True, True, False]


def test_it_is_written_back_as_it_was_read() -> None:
    rule = BreakerRule(**GOOD | {"status_codes": [429, "500-599"]})
    written = rule.model_dump(mode="json")
    assert written["status_codes"] == [429, "500-599"]
    assert (written["interval"], written["trip_duration"]) == ("PT5M", "PT1M")
    assert BreakerRule(**written) == rule


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": None}, "exactly one of count and percentage"),
        ({"percentage": 50}, "exactly one of count and percentage"),
        ({"status_codes": []}, "status_codes or error_reasons"),
        ({"count": 0}, "greater than or equal to 1"),
        ({"count": 10_001}, "less than or equal to 10000"),
        ({"count": None, "percentage": 101}, "less than or equal to 100"),
        ({"interval": 0}, "greater than 0"),
        ({"interval": "5 minutes"}, "PT5M"),
        ({"trip_duration": "PT0S"}, "greater than 0"),
        ({"status_codes": ["599-500"]}, "lower end first"),
        ({"status_codes": [199]}, "200-599"),
        ({"status_codes": [600]}, "200-599"),
        ({"status_codes": [True]}, "such as 429"),
        ({"status_codes": ["5xx"]}, "such as 429 or a range such as 500-599"),
        ({"status_codes": [400 + n for n in range(11)]}, "at most 10"),
        ({"error_reasons": ["x" * 201]}, "at most 200"),
        ({"name": "my rule"}, "pattern"),
        ({"tripduration": 3}, "Extra inputs"),
    ],
)
def test_a_bad_rule_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BreakerRule(**GOOD | change)
