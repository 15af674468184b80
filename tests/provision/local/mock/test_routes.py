"""Request targets, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.local.mock.routes import parse_target


@pytest.mark.parametrize(
    ("target", "operation", "deployment", "style", "version"),
    [
        ("/openai/deployments/gpt-4o/chat/completions?api-version=v", "chat/completions", "gpt-4o", "classic", "v"),
        ("//openai/deployments/a/embeddings?api-version=v", "embeddings", "a", "classic", "v"),
        ("/OpenAI/Deployments/A/Chat/Completions", "chat/completions", "A", "classic", None),
        ("/openai/deployments/a%20b/completions?x=1&api-version=v", "completions", "a b", "classic", "v"),
        ("/openai/v1/chat/completions", "chat/completions", None, "v1", None),
        ("/openai/v1/responses?api-version=preview", "responses", None, "v1", "preview"),
        ("/openai/responses?api-version=v", "responses", None, "classic", "v"),
        ("/deployments/a/chat/completions", "chat/completions", "a", "classic", None),
        ("/openai/models?api-version=v", "models", None, "classic", "v"),
        ("/openai/v1/models", "models", None, "v1", None),
    ],
)
def test_a_target_names_operation_deployment_and_version(
    target: str, operation: str, deployment: str | None, style: str, version: str | None
) -> None:
    route = parse_target(target)
    assert route is not None
    assert (route.operation, route.deployment, route.style, route.api_version) == (
        operation,
        deployment,
        style,
        version,
    )


@pytest.mark.parametrize("target", ["/", "*", "/openai", "/openai/deployments/a", "/openai/models/a/b", "/openai/v1"])
def test_other_targets_have_no_route(target: str) -> None:
    assert parse_target(target) is None


@given(st.text(max_size=200))
def test_any_target_can_be_parsed(text: str) -> None:
    route = parse_target("/" + text)
    assert route is None or isinstance(route.operation, str)


@pytest.mark.parametrize(
    ("target", "operation", "item"),
    [
        ("/openai/responses/resp_A?api-version=v", "responses", "resp_A"),
        ("/openai/v1/responses/resp_A", "responses", "resp_A"),
        ("/openai/V1/Models/gpt%2D4o", "models", "gpt-4o"),
        ("/openai/v1/models", "models", None),
        ("/openai/v1/responses/resp_A/input_items", "responses/resp_a/input_items", None),
    ],
)
def test_a_target_may_name_a_response_or_model(target: str, operation: str, item: str | None) -> None:
    route = parse_target(target)
    assert route is not None
    assert (route.operation, route.item) == (operation, item)
