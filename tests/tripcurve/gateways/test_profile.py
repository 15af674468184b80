"""Every kind of gateway has a profile, and a rule is expressed in its terms, refused, or named as different."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tripcurve.errors import BadInput
from tripcurve.gateways import check_on_azure, lab_problems, profile_of
from tripcurve.lab import KINDS, Lab, load_lab
from tripcurve.lab.rule import BreakerRule

RULE: dict[str, Any] = {"count": 3, "interval": 20, "trip_duration": 4, "status_codes": [429, "500-599"]}
ANSWERS: dict[str, Any] = {"shed": {"statuses": [503]}}


def lab_of(kind: str, *rules: dict[str, Any] | None, **gateway: Any) -> Lab:
    """A lab of this kind with a backend for each rule."""
    described = {"answers": ANSWERS} if kind == "generic" else {}
    backends = [{"name": f"m{index}", "breaker": rule} for index, rule in enumerate(rules or (RULE,))]
    gateway = {"name": "g", "kind": kind, **described, **gateway}
    return Lab.model_validate({"name": "l", "gateway": gateway, "backends": backends})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_profile_that_recognises_a_shed(kind: str) -> None:
    profile = profile_of(lab_of(kind))
    assert profile.kind == kind
    assert profile.shed_statuses
    assert profile.title
    assert all(name == name.lower() for name in (*profile.backend_headers, *profile.backend_marks, profile.key_header))


@pytest.mark.parametrize("kind", KINDS)
def test_every_knob_of_an_expression_is_explained(kind: str) -> None:
    profile = profile_of(lab_of(kind))
    rules = [RULE, {**RULE, "accept_retry_after": True}, {**RULE, "status_codes": ["500-599"]}]
    for rule in rules:
        assert set(profile.express(BreakerRule.model_validate(rule)).knobs) <= {knob.name for knob in profile.knobs}


@pytest.mark.parametrize(
    ("kind", "knobs"),
    [
        ("apim", {"count": 3, "interval": 20.0, "tripDuration": 4.0}),
        ("envoy", {"consecutive_5xx": 3, "base_ejection_time": 4.0, "max_ejection_time": 4.0}),
        ("envoy", {"error_statuses": ("429", "500-599"), "healthy_panic_threshold": 0}),
        ("litellm", {"allowed_fails": 2, "cooldown_time": 4.0, "num_retries": 0}),
        ("portkey", {}),
    ],
)
def test_a_rule_is_expressed_in_the_gateways_terms(kind: str, knobs: dict[str, Any]) -> None:
    expressed = profile_of(lab_of(kind)).express(BreakerRule.model_validate(RULE)).knobs
    assert {name: expressed[name] for name in knobs} == knobs


def test_statuses_are_only_stated_to_envoy_if_they_are_not_its_own() -> None:
    rule = BreakerRule.model_validate({**RULE, "status_codes": ["500-599"]})
    assert "error_statuses" not in profile_of(lab_of("envoy")).express(rule).knobs


@pytest.mark.parametrize(
    ("kind", "changes", "named"),
    [
        ("apim", {}, ""),
        ("envoy", {}, "interval: Envoy counts errors in a row"),
        ("envoy", {"accept_retry_after": True}, "accept_retry_after: Envoy ignores"),
        ("envoy", {"failure_response": 429}, "failure_response: Envoy answers 503, not 429"),
        ("litellm", {}, "interval: LiteLLM counts for its cooldown_time, 4 s"),
        ("litellm", {"interval": 4, "status_codes": [418]}, "status_codes: LiteLLM does not count 418"),
        ("litellm", {"status_codes": [429]}, "status_codes: LiteLLM also counts 401-402, 404, 408, 500-599"),
        ("litellm", {}, "accept_retry_after: LiteLLM takes the backend's Retry-After"),
        ("portkey", {}, "the whole rule"),
    ],
)
def test_what_a_gateway_does_otherwise_is_named(kind: str, changes: dict[str, Any], named: str) -> None:
    rule = BreakerRule.model_validate({**RULE, **changes})
    different = profile_of(lab_of(kind)).express(rule).not_expressed
    assert any(text.startswith(named) for text in different) if named else different == ()


@pytest.mark.parametrize("kind", ["envoy", "litellm"])
def test_a_percentage_is_refused_with_field_and_remedy(kind: str) -> None:
    share = {name: value for name, value in RULE.items() if name != "count"} | {"percentage": 50}
    (problem,) = lab_problems(lab_of(kind, RULE, share) if kind == "litellm" else lab_of(kind, share))
    assert problem.field == f"backends[{1 if kind == 'litellm' else 0}].breaker.percentage"
    assert "use count" in problem.message


def test_two_rules_are_refused_where_the_gateway_has_one() -> None:
    other = {**RULE, "count": 5}
    assert [problem.field for problem in lab_problems(lab_of("envoy", RULE, other))] == ["backends"]
    assert [problem.field for problem in lab_problems(lab_of("envoy", RULE, None))] == ["backends"]
    assert lab_problems(lab_of("envoy", RULE, {**RULE, "name": "other"})) == ()
    assert lab_problems(lab_of("litellm", RULE, other)) == ()


def test_loading_a_lab_refuses_what_its_kind_cannot_express(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(
        "name: l\ngateway: {name: g, kind: envoy}\nbackends:\n- name: m\n  breaker:\n"
        "    {percentage: 50, interval: 20, trip_duration: 4, status_codes: [500]}\n",
        "utf-8",
    )
    with pytest.raises(BadInput) as refused:
        load_lab(path)
    assert str(refused.value).startswith(f"{path}: backends[0].breaker.percentage: ")


def test_the_rule_in_force_is_the_gateways_own() -> None:
    rule = BreakerRule.model_validate({**RULE, "accept_retry_after": True})
    assert profile_of(lab_of("apim")).in_force(rule) == rule
    envoy = profile_of(lab_of("envoy")).in_force(rule)
    assert (envoy.accept_retry_after, envoy.interval > 1e6) == (False, True)
    litellm = profile_of(lab_of("litellm")).in_force(rule)
    assert (litellm.interval, litellm.counts_status(404), litellm.counts_status(400)) == (4.0, True, False)


def test_only_the_default_kind_is_on_azure() -> None:
    check_on_azure(lab_of("apim"))
    with pytest.raises(BadInput, match=r"gateway\.kind: litellm is no gateway of Azure; `tripcurve run` starts it"):
        check_on_azure(lab_of("litellm"))


def test_a_described_gateways_profile_is_what_the_lab_says() -> None:
    answers = {
        "title": "Kong",
        "shed": {"statuses": [502, "503-504"], "headers": {"X-Shed": "^yes$"}, "body": "open"},
        "others": {"Overflow": {"headers": {"X-Full": ""}}},
        "backend_headers": ["X-Served-By"],
        "backend_marks": ["X-Time"],
        "wait": {"header": "X-Time", "unit": "us"},
        "key_header": "Authorization",
    }
    profile = profile_of(lab_of("generic", answers=answers))
    assert (profile.title, profile.shed_statuses) == ("Kong", (502, 503, 504))
    assert (dict(profile.sheds.headers), profile.sheds.body) == ({"x-shed": "^yes$"}, "open")
    assert (profile.backend_headers, profile.backend_marks) == (("x-served-by",), ("x-time",))
    assert profile.wait is not None
    assert (profile.wait.header, profile.wait.unit_us, profile.key_header) == ("x-time", 1.0, "authorization")
    assert profile.no_shed == {"Overflow", "OtherRefusal"}


ROOT = Path(__file__).parents[3]
OWN_WORDS = re.compile(
    r"\b(?:apim|envoy|litellm|portkey)\b|api.?management|azure-api\.net|x-tripcurve-backend|no healthy upstream",
    re.IGNORECASE,
)
"""The kinds' names, and what only one of them has."""


@pytest.mark.parametrize("room", ["reports", "locustfiles"])
def test_reports_and_traffic_name_no_kind_of_gateway(room: str) -> None:
    """They read the profile, so a new kind needs no change there."""
    files = [path for path in sorted((ROOT / room).rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    assert len(files) > 60
    found = {str(path.relative_to(ROOT)): OWN_WORDS.findall(path.read_text("utf-8")) for path in files}
    assert {path: words for path, words in found.items() if words} == {}


def test_litellms_count_outlives_a_cooldown_that_a_retry_after_cut_short() -> None:
    """In a live run with a Retry-After of 2 s and a cooldown_time of 4 s, one failure after the reset was enough."""
    options = profile_of(lab_of("litellm")).options
    assert (options.breaker_window, options.counter_after_reset) == ("fixed_first_failure", "continues")
