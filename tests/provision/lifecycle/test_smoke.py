"""The smoke test's two clients: the key stays with the gateway."""

from __future__ import annotations

import pytest
from openai.types.chat import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as Params
from pydantic import SecretStr, TypeAdapter, ValidationError

from provision.lifecycle.smoke import healthy_messages, smoke_lab
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


MESSAGES = TypeAdapter(list[ChatCompletionMessageParam])


def typed(messages: object) -> object:
    """The messages as the `openai` package types them; a content that is no text comes back as another object."""
    return MESSAGES.validate_python(messages)


@pytest.mark.parametrize("version", ["v1", "2024-02-01"])
def test_a_real_account_is_asked_as_the_openai_package_types_it(version: str) -> None:
    target = Target(gateway_url="http://127.0.0.1", api_key=SecretStr("k"), deployment="gpt", api_version=version)
    body = {"model": "gpt", **target.chat_body(healthy_messages(load_lab("openai")))}
    assert set(body) <= Params.__required_keys__ | Params.__optional_keys__
    TypeAdapter(Params).validate_python(body)
    assert typed(body["messages"]) == body["messages"]
    seeds = healthy_messages(load_lab("seed"))
    assert typed(seeds) != seeds, "the seed's form, which only mocks take"
    with pytest.raises(ValidationError):
        typed([{"role": "nobody", "content": "x"}])
