"""A request to evaluate expressions on, and short ways to do it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from provision.local.apim.context import (
    Api,
    Body,
    Deployment,
    Headers,
    Operation,
    PolicyContext,
    Request,
    Response,
    Subscription,
    Url,
)
from provision.local.apim.expressions import EvaluationError, ExpressionError, compile_expression, to_text

__all__ = ["context", "fails", "refused", "text", "value"]

CHAT = (
    b'{"model":"gpt-4o","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],'
    b'"stream":true,"max_tokens":50,"temperature":0.5,"user":null}'
)


def context(body: bytes = CHAT, **variables: object) -> PolicyContext:
    """A chat completion on its way, with those variables set."""
    url = Url("https", "gw.azure-api.net", 443, "/openai/deployments/gpt-4o/chat/completions", "api-version=2024-02-01")
    headers = Headers([("Api-Key", "k1"), ("X-Multi", "one"), ("x-multi", "two")])
    return PolicyContext(
        request_id=UUID("12345678-1234-5678-1234-567812345678"),
        timestamp=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        request=Request("POST", url, url, headers, Body(body), "10.0.0.1", {"deployment-id": "gpt-4o"}),
        api=Api("openai", "Azure OpenAI", "openai", "https://aoai.openai.azure.com/openai"),
        operation=Operation("chat", "Chat completion", "POST", "/deployments/{deployment-id}/chat/completions"),
        deployment=Deployment("/subscriptions/0/x", "apim", "East US"),
        response=Response(429, "Too Many Requests", Headers([("Retry-After", "7")]), Body(b'{"error":{"code":"429"}}')),
        subscription=Subscription("sub-1", "team", "k1"),
        variables=dict(variables),
    )


def value(expression: str, on: PolicyContext | None = None) -> object:
    """The value of an expression, written with or without its `@(…)`."""
    whole = expression if expression.lstrip().startswith("@") else f"@({expression})"
    return compile_expression(whole).evaluate(context() if on is None else on)


def text(expression: str, on: PolicyContext | None = None) -> str:
    """The value as C# writes it."""
    return to_text(value(expression, on))


def fails(expression: str, on: PolicyContext | None = None) -> str:
    """The kind of exception that evaluation ends in; empty when it ends well."""
    try:
        value(expression, on)
    except EvaluationError as failure:
        return failure.kind
    return ""


def refused(expression: str) -> str:
    """Why the expression is not compiled; empty when it is."""
    whole = expression if expression.lstrip().startswith("@") else f"@({expression})"
    try:
        compile_expression(whole)
    except ExpressionError as failure:
        return failure.message
    return ""
