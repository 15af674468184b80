"""The target of traffic."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from tripcurve.errors import BadInput
from tripcurve.target import Target, check_target_name

TARGET = Target.model_validate(
    {
        "gateway_url": "http://127.0.0.1:1",
        "api_key": "very-secret-key",
        "deployment": "gpt",
        "api_version": "2024-02-01",
        "client_secret": "also-secret",
    }
)


def test_secrets_do_not_print() -> None:
    for text in (repr(TARGET), str(TARGET), TARGET.model_dump_json(), f"{TARGET.model_dump()}"):
        assert "secret" not in text.replace("client_secret", "")


def test_the_chat_path_names_deployment_and_version() -> None:
    assert TARGET.chat_path == "/openai/deployments/gpt/chat/completions?api-version=2024-02-01"


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("https://u:secret@host", "'https://***@host' contains a user name or password"),
        ("https://u:sec/ret@host", "'***@host' is neither local, azure nor a URL"),
        ("https://u:sec?ret@host:x", "'***@host:x' is neither"),
        ("u:secret@host", "'***@host' is neither"),
        ("https://[u:secret@host", "'***@host' is neither"),
        ("gateway.example", "'gateway.example' is neither"),
    ],
)
def test_no_message_repeats_a_password(target: str, shown: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_target_name(target, {"TRIPCURVE_API_KEY": "k"})
    assert shown in str(caught.value)
    assert "secret" not in str(caught.value).replace("KEY", "")
    assert "sec/ret" not in str(caught.value)


def test_a_target_needs_its_key() -> None:
    with pytest.raises(BadInput, match="'https://host' needs the gateway's subscription key"):
        check_target_name("https://host", {})


def versioned(version: str) -> Target:
    return TARGET.model_copy(update={"api_version": version})


@pytest.mark.parametrize(
    ("version", "chat", "responses"),
    [
        ("v1", "/openai/v1/chat/completions", "/openai/v1/responses"),
        ("2024-02-01", "/openai/deployments/gpt/chat/completions?api-version=2024-02-01", "/openai/v1/responses"),
        (
            "2025-03-01-preview",
            "/openai/deployments/gpt/chat/completions?api-version=2025-03-01-preview",
            "/openai/responses?api-version=2025-03-01-preview",
        ),
    ],
)
def test_the_paths_of_each_api_version(version: str, chat: str, responses: str) -> None:
    target = versioned(version)
    assert (target.chat_path, target.responses_path) == (chat, responses)


def test_a_body_of_the_v1_api_names_the_deployment_and_asks_for_the_usage_of_a_stream() -> None:
    messages = [{"role": "user", "content": "Hello"}]
    assert versioned("v1").chat_body(messages, 5, stream=True) == {
        "messages": messages,
        "max_completion_tokens": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
        "model": "gpt",
    }
    assert TARGET.chat_body(messages, 5, stream=True) == {"messages": messages, "max_tokens": 5, "stream": True}
    assert TARGET.chat_body(messages) == {"messages": messages}


@pytest.mark.parametrize(
    ("version", "kind", "url"),
    [
        ("v1", "OpenAI", "http://127.0.0.1:1/openai/v1/"),
        ("2024-02-01", "AzureOpenAI", "http://127.0.0.1:1/openai/deployments/gpt/"),
    ],
)
def test_the_packages_client_fits_the_api_version(version: str, kind: str, url: str) -> None:
    with versioned(version).sdk_client(max_retries=0) as client:
        assert (type(client).__name__, str(client.base_url), client.max_retries) == (kind, url, 0)


@pytest.mark.parametrize(("path", "begin"), [("openai", "/openai/"), ("a/b", "/a/b/"), ("", "/")])
def test_every_operation_is_below_the_apis_path(path: str, begin: str) -> None:
    for version in ("2024-02-01", "2025-04-01-preview", "v1"):
        target = Target(
            gateway_url="http://g", api_key=SecretStr("k"), deployment="d", api_version=version, api_path=path
        )
        for operation in (target.chat_path, target.responses_path):
            assert operation.startswith(begin)
            assert "//" not in operation
        assert str(target.sdk_client(0).base_url).startswith(f"http://g{begin}")


def test_the_sdks_client_sends_the_headers_of_every_request() -> None:
    target = Target(
        gateway_url="http://g", api_key=SecretStr("k"), deployment="d", api_version="v1", headers={"x-route": "blue"}
    )
    assert target.sdk_client(0).default_headers["x-route"] == "blue"


@pytest.mark.parametrize(("header", "sent"), [("authorization", "Bearer k"), ("x-nimbus-key", "k")])
def test_the_sdks_client_sends_the_key_where_the_gateway_expects_it(header: str, sent: str) -> None:
    target = Target(
        gateway_url="http://g", api_key=SecretStr("k"), deployment="d", api_version="2024-02-01", key_header=header
    )
    headers = {name.lower(): value for name, value in target.sdk_client(0).default_headers.items()}
    assert headers[header] == sent
