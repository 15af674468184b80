"""The target of traffic."""

from __future__ import annotations

from tripcurve.target import Target

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
