"""Every mistake in a lab or scenario is named in our own words, whatever is written in whichever field."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from tripcurve.field_errors import FieldError, field_errors
from tripcurve.lab import Lab, LocalOptions
from tripcurve.scenario import Scenario

RULE = {"name": "r", "count": 3, "interval": "PT5M", "status_codes": [429, "500-599", [400, 403]]}
RULE |= {"error_reasons": ["timeout"], "trip_duration": 60, "accept_retry_after": True}
RULE |= {"failure_response": 429}
ANSWERS = {
    **{"title": "the gateway", "key_header": "api-key"},
    "shed": {"statuses": [503], "headers": {"X-S": "^1$"}, "body": "shed"},
    "others": {"O": {"statuses": [504], "headers": {"X-O": "^1$"}, "body": "late"}},
    **{"backend_headers": ["X-B"], "backend_marks": ["X-M"], "unmarked": "gateway"},
    "wait": {"header": "X-W", "unit": "s"},
}
LAB: dict[str, Any] = {
    **{"name": "lab", "description": "d", "subscription_id": "s", "resource_group": "g", "location": "eastus"},
    "gateway": {
        **{"name": "g", "sku": "Basic", "units": 2, "publisher": {"name": "p", "email": "a@b"}},
        **{"api_version": "2025-09-01-preview", "identity": "system"},
        **{"kind": "generic", "headers": {"X-A": "b"}, "answers": ANSWERS},
    },
    "api": {
        **{"id": "i", "path": "p", "version": "2024-02-01", "policy": "p.xml", "named_values": {"n": "v"}},
        "subscription": "master",
    },
    "model": {"deployment": "d", "name": "n", "version": "v", "sku": "Standard", "capacity": 3},
    "backends": [
        {
            **{"name": "m", "kind": "mock", "location": "l", "priority": 1, "weight": 2, "breaker": RULE},
            "limits": {"rpm": 1, "tpm": 2},
            "latency": {"median_ms": 1, "p95_ms": 2, "per_token_ms": 3},
        },
        {"name": "e", "kind": "existing", "url": "https://h/openai"},
    ],
    "pool": {"name": "p", "failure_response": 429, "session_affinity": "c"},
    "existing": {"resource_group": True, "gateway": False, "accounts": ["m"]},
    "events": True,
    "local": LocalOptions(retry_after_cap=3, unit_count_override=2).model_dump(),
}
FAULT = {"status": 429, "wait_ms": 1, "retry_after_s": 2, "completion_tokens": 3, "chunk_ms": 4, "drop": "before"}
SCENARIO: dict[str, Any] = {
    **{"name": "s", "description": "d", "trip_duration": "PT4S", "users": {"ChatUser": 3}, "arrivals": "constant"},
    **{
        "seed": 1,
        "timeout": 3,
        "cancel_after": 2,
        "max_retries": 2,
        "tokens": {"prompt": 1, "completion": 2},
        "probe": {"rate": 3, "sharpen": 1, "budget": 2},
    },
    "phases": [
        {"name": "a", "for": 3, "rate": {"from": 1, "to": 2}, "simulate": {"m": FAULT | {"share": 0.5}}},
        {"name": "b", "for": 3, "rate": 5, "simulate": {"m": {"which": "every 3rd", "per": "instance"}}},
        {"name": "c", "for": 3, "requests": {"below_count": 1}},
        {"name": "d", "for": 3, "users": {"from": 1, "to": 2}},
        {"name": "e", "for": 3, "users": 4},
    ],
    "checks": ["outage_s.max < 2"],
}
RAMP = "a mapping with the keys from, to"
AT_LEAST_0 = "must be at least 0, not -3"
POISSON = "must be one of constant, poisson or a mapping with the key gamma, not 'poison'; did you mean 'poisson'?"
WHICH = "'first two' names no requests; write `first 2`, `every 3rd`, `4th` or `4th to 6th`"
PER = "per: says where requests are counted, so it needs `which`, such as `which: first 2`"
DOCUMENTS: list[tuple[type[BaseModel], dict[str, Any]]] = [(Lab, LAB), (Scenario, SCENARIO)]

WRONG: list[Any] = [
    *(None, True, -1, 0, 10**12, 10**400, 2.5, float("nan"), float("inf"), "", "x y*", "\x1b[31m\n", "z" * 5000),
    *([], [None], [[1, 2, 3]], ["x"], {}, {"float": 1}, {1: 2}, {"x": {"y": []}}, b"bytes", {"set"}),
]
PYDANTIC = re.compile(
    r"Input should|should (?:match|be|have)|Field required|Extra inputs|[Vv]alue error|pydantic|Unable to|unable to|"
    r"valid (?:string|integer|number|tuple|list|dict|boolean|mapping)|function-|\[key\]|constrained|Ramp|BelowCount|"
    r"\.(?:float|int|str)\b|NoneType|<class|dict_keys|of another kind|Invalid"
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document."""
    if path:
        yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield from places(value, (*path, key))


def changed(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    result = copy.deepcopy(document)
    around: Any = result
    for part in path[:-1]:
        around = around[part]
    around[path[-1]] = value
    return result


def mistakes(model: type[BaseModel], document: dict[str, Any], *, secret: bool = False) -> list[FieldError]:
    try:
        model.model_validate(document)
    except ValidationError as error:
        return field_errors(error, model, secret=secret)
    return []


def written(path: tuple[Any, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


ALL_PLACES = [(model, document, path) for model, document in DOCUMENTS for path in places(document)]


@pytest.mark.parametrize(("model", "document"), DOCUMENTS, ids=["lab", "scenario"])
def test_the_documents_of_these_tests_are_valid_and_have_every_field(
    model: type[BaseModel], document: dict[str, Any]
) -> None:
    assert mistakes(model, document) == []
    reached = {path[-1] for path in places(document)}
    schema = model.model_json_schema()
    fields = {key for part in [schema, *schema["$defs"].values()] for key in part.get("properties", {})}
    alternatives = {"percentage", "interval", "gamma", "cv", "trace", "file", "speed", "whole"}
    assert fields - reached <= alternatives


@pytest.mark.parametrize("value", WRONG, ids=range(len(WRONG)))
def test_no_wrong_value_at_any_field_shows_pydantics_words(value: Any) -> None:
    for model, document, path in ALL_PLACES:
        for field, message in mistakes(model, changed(document, path, value)):
            assert not PYDANTIC.search(message.replace("\\x1b", "")), (written(path), message)
            assert len(message) < 700
            assert f"{field}{message}".isprintable(), (written(path), message)


@given(
    place=st.sampled_from(ALL_PLACES),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        max_leaves=6,
    ),
)
def test_a_mistake_is_reported_at_its_own_field(
    place: tuple[type[BaseModel], dict[str, Any], tuple[Any, ...]], value: Any
) -> None:
    model, document, path = place
    for field, message in mistakes(model, changed(document, path, value)):
        # A rule about several fields is reported at the mapping that holds them.
        assert field.startswith(written(path)) or written(path).startswith(field), (field, message)
        assert message.isprintable()


def test_every_field_with_a_form_describes_it() -> None:
    for model, document in DOCUMENTS:
        for path in places(document):
            for _, message in mistakes(model, changed(document, path, "\t*\t")):
                assert not message.endswith("wrong form"), (written(path), message)


@pytest.mark.parametrize("model_and_place", ALL_PLACES, ids=lambda each: written(each[2]))
def test_a_misspelt_key_gets_a_suggestion(
    model_and_place: tuple[type[BaseModel], dict[str, Any], tuple[Any, ...]],
) -> None:
    model, document, path = model_and_place
    key = path[-1]
    if isinstance(key, int) or len(key) < 4 or key in {"ChatUser", "name"}:
        return
    misspelt = "".join(word.capitalize() for word in key.split("_"))
    misspelt = misspelt[:1].lower() + misspelt[1:-1]
    found = [message for field, message in mistakes(model, changed(document, (*path[:-1], misspelt), None))]
    assert any(f"did you mean {key!r}?" in message for message in found), found


@pytest.mark.parametrize(
    ("path", "value", "field", "message"),
    [
        (("phases", 1, "rate"), "fast", "phases[1].rate", f"must be a number or {RAMP}, not 'fast'"),
        (("phases", 1, "rate"), {"from": 3}, "phases[1].rate.to", "this key is required"),
        (("phases", 1, "rate"), {"from": "x", "to": 3}, "phases[1].rate.from", "must be a number, not 'x'"),
        (("phases", 2, "requests"), {"below_count": -3}, "phases[2].requests.below_count", AT_LEAST_0),
        (("phases", 4, "users"), 2.5, "phases[4].users", f"must be a whole number or {RAMP}, not 2.5"),
        (("phases", 0, "simulate", "m", "share"), 0, "phases[0].simulate.m.share", "must be more than 0, not 0"),
        (("users", "ChatUser"), None, "users.ChatUser", "must be a whole number, not null"),
        (("probe",), 3, "probe", "must be a mapping with the keys budget, rate, sharpen, not 3"),
        (("probe", "rate"), float("inf"), "probe.rate", "must be a finite number, not .inf"),
        (("phases",), [], "phases", "needs at least 1 entry"),
        (("checks",), "a < 3", "checks", "must be a list, not 'a < 3'"),
        (("arrivals",), "poison", "arrivals", POISSON),
        (("arrivals",), 3, "arrivals", POISSON.partition(" not ")[0] + " not 3"),
        (("arrivals",), {"gamma": {"cv": 0}}, "arrivals.gamma.cv", "must be at least 0.05, not 0"),
        (("phases", 1, "simulate", "m", "which"), "first two", "phases[1].simulate.m.which", WHICH),
        (("phases", 1, "simulate", "m", "which"), None, "phases[1].simulate.m", PER),
    ],
)  # fmt: skip
def test_the_message_says_what_is_wrong_and_how_to_correct_it(
    path: tuple[Any, ...], value: Any, field: str, message: str
) -> None:
    assert mistakes(Scenario, changed(SCENARIO, path, value)) == [FieldError(field, message)]


def test_a_secret_value_is_left_out() -> None:
    for model, document, path in ALL_PLACES:
        for value in ("hunter2", ["hunter2"], {"a": "hunter2"}):
            found = mistakes(model, changed(document, path, value), secret=True)
            assert "hunter2" not in str(found)


def test_credentials_in_a_value_are_not_shown() -> None:
    for model, document, path in ALL_PLACES:
        assert "hunter2" not in str(mistakes(model, changed(document, path, "https://me:hunter2@host")))
