"""Answers of gateways of several kinds, as they come: who gave each, and why a refusal is no shed."""

from __future__ import annotations

from typing import Any

import pytest

from locustfiles.http.answer import Answer
from locustfiles.http.reading import Reader
from tripcurve.lab import Lab

BACKENDS = [{"name": "m1"}, {"name": "m2", "kind": "existing", "url": "https://M2.example/v1"}]
DESCRIBED = {
    "shed": {"statuses": [503], "headers": {"X-Shed": "^open$"}},
    "others": {"Full": {"statuses": [503], "body": "too many"}},
    "backend_headers": ["X-Served-By"],
    "backend_marks": ["X-Time"],
    "wait": {"header": "X-Time", "unit": "us"},
}


def reader_of(kind: str, backends: list[dict[str, Any]] = BACKENDS, **answers: Any) -> Reader:
    gateway: dict[str, Any] = {"name": "g", "kind": kind}
    if kind == "generic":
        gateway["answers"] = DESCRIBED | answers
    return Reader(Lab.model_validate({"name": "l", "gateway": gateway, "backends": backends}))


def answered(status: int, body: str = "", **headers: str) -> Answer:
    answer = Answer(0)
    answer.status, answer.body = status, body.encode()
    answer.headers = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return answer


NO_DEPLOYMENT = '{"error":{"message":"No deployments available for selected model, Try again in 5 seconds."}}'


@pytest.mark.parametrize(
    ("kind", "answer", "origin", "error"),
    [
        ("envoy", answered(200, x_envoy_upstream_service_time="12"), "backend", None),
        ("envoy", answered(503, "busy", x_envoy_upstream_service_time="12"), "backend", None),
        ("envoy", answered(503, "no healthy upstream"), "gateway", None),
        ("envoy", answered(503, "upstream overflow", x_envoy_overloaded="true"), "gateway", "Overflow"),
        ("envoy", answered(503, "upstream connect error or disconnect/reset"), "gateway", "UpstreamUnreachable"),
        ("envoy", answered(504, "upstream request timeout"), "gateway", "UpstreamTimeout"),
        ("envoy", answered(503, "no route"), "gateway", "OtherRefusal"),
        ("envoy", answered(404), "gateway", None),
        ("litellm", answered(200, x_litellm_model_id="m1"), "backend", None),
        ("litellm", answered(429, NO_DEPLOYMENT), "gateway", None),
        ("litellm", answered(429, "Too many requests"), "backend", None),
        ("litellm", answered(500, "boom"), "backend", None),
        ("portkey", answered(429, "Too many requests"), "backend", None),
        ("generic", answered(503, x_shed="open"), "gateway", None),
        ("generic", answered(503, x_shed="opening"), "gateway", "OtherRefusal"),
        ("generic", answered(503, "too many requests"), "gateway", "Full"),
        ("generic", answered(503, x_time="900"), "backend", None),
        ("generic", answered(0), "client", None),
    ],
)
def test_each_answer_is_recognised_by_the_profile(kind: str, answer: Answer, origin: str, error: str | None) -> None:
    reader = reader_of(kind)
    assert reader.origin(answer) == origin
    if origin == "gateway":
        assert reader.refusal(answer) == error


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("m1", "m1"),
        ("M1.azurewebsites.net", "m1"),
        ("https://m2.example:8443/v1/", "m2"),
        ("http://[", None),
        ("https://other.example", None),
        ("", None),
    ],
)
def test_a_backend_is_named_by_name_host_or_url(value: str, name: str | None) -> None:
    assert reader_of("generic").backend(answered(200, x_served_by=value)) == name


def test_the_only_backend_needs_no_name() -> None:
    alone = reader_of("envoy", BACKENDS[:1])
    assert alone.backend(answered(200, x_envoy_upstream_service_time="1")) == "m1"
    assert alone.backend(answered(503, "no healthy upstream")) is None
    assert reader_of("envoy").backend(answered(200, x_envoy_upstream_service_time="1")) is None


def test_the_only_backend_needs_a_mark_if_the_gateway_sets_any() -> None:
    """Otherwise every answer of an unknown gateway would seem to fit the profile."""
    alone = reader_of("generic", BACKENDS[:1], unmarked="backend")
    assert alone.origin(answered(200)) == "backend"
    assert alone.backend(answered(200)) is None
    assert alone.backend(answered(200, x_time="9")) == "m1"
    assert reader_of("portkey", BACKENDS[:1]).backend(answered(200)) == "m1"


def test_the_wait_has_the_unit_that_the_lab_says() -> None:
    answer = answered(200, x_time="900")
    assert reader_of("generic").backend_us(answer) == 900
    assert reader_of("generic", wait={"header": "X-Time", "unit": "s"}).backend_us(answer) == 900_000_000
    assert reader_of("portkey").backend_us(answer) is None


def test_only_the_first_4_kib_of_a_body_are_searched() -> None:
    reader = reader_of("envoy")
    assert reader.refusal(answered(503, " " * 4070 + "no healthy upstream")) is None
    assert reader.refusal(answered(503, " " * 4090 + "no healthy upstream")) == "OtherRefusal"
