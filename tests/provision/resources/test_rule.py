"""A rule goes to ARM and comes back as it was."""

from __future__ import annotations

import json
from typing import Any

from azure.mgmt.apimanagement.models import CircuitBreakerRule
from hypothesis import given
from hypothesis import strategies as st

from provision.resources.differences import differences
from provision.resources.rule import rule_from_arm, rule_to_arm
from tripcurve.lab.rule import BreakerRule

_seconds = st.integers(1, 10_000_000).map(lambda thousandths: thousandths / 1000)
_status = st.integers(200, 599)
_ranges = st.tuples(_status, _status).map(lambda pair: (min(pair), max(pair)))


@st.composite
def _rules(draw: st.DrawFn) -> BreakerRule:
    threshold = draw(st.sampled_from(["count", "percentage"]))
    content: dict[str, Any] = {
        "name": draw(st.from_regex(r"\A[A-Za-z0-9-]{1,80}\Z")),
        threshold: draw(st.integers(1, 100)),
        "interval": draw(_seconds),
        "trip_duration": draw(_seconds),
        "status_codes": draw(st.lists(_ranges, min_size=1, max_size=10)),
        "error_reasons": draw(st.lists(st.text(max_size=200), max_size=10)),
        "accept_retry_after": draw(st.booleans()),
        "failure_response": draw(st.none() | st.integers(100, 599)),
    }
    return BreakerRule.model_validate(content)


@given(_rules())
def test_any_rule_survives_the_conversion_to_arm_and_back(rule: BreakerRule) -> None:
    assert rule_from_arm(json.loads(json.dumps(rule_to_arm(rule)))) == rule.model_dump(mode="json")


@given(_rules())
def test_a_rule_in_force_as_the_lab_says_is_not_a_difference(rule: BreakerRule) -> None:
    wanted = {"breaker": rule.model_dump(mode="json")}
    assert differences({"breaker": rule_from_arm(rule_to_arm(rule))}, wanted) == []


def test_a_rule_that_somebody_else_wrote_is_read_without_checking_it() -> None:
    rule = rule_from_arm({"name": "odd"})
    assert rule["interval"] is None
    assert rule["status_codes"] == []
    assert rule["accept_retry_after"] is False


@given(_rules().filter(lambda rule: rule.failure_response is None))
def test_a_rule_as_the_lab_says_is_what_the_sdk_itself_would_send(rule: BreakerRule) -> None:
    sent = rule_to_arm(rule)
    assert sent == CircuitBreakerRule.deserialize(sent).serialize()
