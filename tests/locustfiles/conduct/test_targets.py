"""The target that a URL names has what the lab's kind of gateway needs."""

from __future__ import annotations

from typing import Any

import pytest

from locustfiles.conduct.targets import find_target
from locustfiles.http.address import Address
from locustfiles.http.heads import request_head
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.target import KEY, Target

KEYS = {KEY: "secret"}


def lab_of(kind: str, path: str = "openai", **gateway: Any) -> Lab:
    content = {"name": "l", "gateway": {"name": "g", "kind": kind, **gateway}, "backends": [{"name": "m"}]}
    return Lab.model_validate({**content, "api": {"path": path, "version": "v1"}})


def target_of(lab: Lab) -> Target:
    found = find_target("http://gateway.example:8080/", lab, "unused", KEYS)
    assert isinstance(found, Target)
    return found


def head_of(target: Target) -> str:
    return request_head(target, Address.of_url(target.gateway_url, None), 2, None).decode()


def test_a_gateway_of_the_default_kind_gets_the_key_as_before() -> None:
    lines = head_of(target_of(lab_of("apim"))).split("\r\n")
    assert lines[:2] == ["POST /openai/v1/chat/completions HTTP/1.1", "Host: gateway.example:8080"]
    assert lines[2] == "api-key: secret"


@pytest.mark.parametrize("kind", ["litellm", "portkey"])
def test_some_kinds_take_the_key_as_a_bearer_token(kind: str) -> None:
    head = head_of(target_of(lab_of(kind, path="")))
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert "\r\nAuthorization: Bearer secret\r\n" in head
    assert "api-key" not in head


def test_a_described_gateway_gets_the_labs_headers_and_its_own_key_header() -> None:
    answers = {"shed": {"statuses": [503]}, "key_header": "x-nimbus-key"}
    head = head_of(target_of(lab_of("generic", answers=answers, headers={"x-route": "blue"})))
    assert "\r\nx-nimbus-key: secret\r\nx-route: blue\r\n" in head


def test_azure_has_no_gateway_of_another_kind() -> None:
    with pytest.raises(BadInput, match=r"gateway\.kind: envoy is no gateway of Azure"):
        find_target("azure", lab_of("envoy"), "unused", KEYS)
