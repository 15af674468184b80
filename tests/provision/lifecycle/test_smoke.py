"""The smoke test's two clients: the key stays with the gateway."""

from __future__ import annotations

from pydantic import SecretStr

from provision.lifecycle.smoke import smoke_lab
from tests.redirects import redirecting
from tripcurve.lab import load_lab
from tripcurve.target import Target


def test_neither_client_follows_a_redirect_with_the_key() -> None:
    with redirecting() as (port, caught):
        target = Target(
            gateway_url=f"http://127.0.0.1:{port}",
            api_key=SecretStr("k"),
            deployment="gpt",
            api_version="2024-02-01",
            api_path="openai",
            kind="url",
        )
        smoke = smoke_lab(load_lab("quick"), target)
    assert caught == []
    assert {result.status for result in smoke.results} <= {301, 302, 307, 308}


def test_a_v1_lab_is_called_by_the_plain_openai_client() -> None:
    with redirecting() as (port, _):
        target = Target(
            gateway_url=f"http://127.0.0.1:{port}", api_key=SecretStr("k"), deployment="gpt", api_version="v1"
        )
        smoke = smoke_lab(load_lab("openai"), target)
    assert [result.test for result in smoke.results] == ["raw HTTP call", "OpenAI client"]
