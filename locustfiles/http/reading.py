"""Reads an answer: its origin and backend, its Retry-After, and the tokens it used."""

from __future__ import annotations

import time
from typing import NamedTuple

import orjson

from locustfiles.http.answer import Answer
from tripcurve.breaker.retry_after import parse_retry_after
from tripcurve.lab import Lab

__all__ = ["NO_USAGE", "Reader", "Usage", "usage_of"]

BACKEND_HEADER = b"x-tripcurve-backend"
WAIT_HEADER = b"x-tripcurve-backend-ms"
# Azure OpenAI sets these headers and a gateway does not: they show the origin if the policy does not mark answers.
_BACKENDS_OWN = frozenset({b"x-ms-region", b"apim-request-id", b"azureml-model-session", b"x-ms-deployment-name"})
MOST_INT32 = 2**31 - 1


class Usage(NamedTuple):
    """Tokens as the answer counts them; None: not reported."""

    prompt: int | None
    completion: int | None


NO_USAGE = Usage(None, None)
"""The usage of an answer that reports none."""


def usage_of(usage: dict[str, object]) -> Usage:
    """Return a usage object's tokens, by the names of chat completions or of the Responses API."""
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    completion = usage.get("completion_tokens", usage.get("output_tokens"))
    return Usage(_token_count(prompt), _token_count(completion))


class Reader:
    """Reads answers of one lab's gateway."""

    def __init__(self, lab: Lab) -> None:
        self._options = lab.local
        self._names = {key.lower().encode(): each.name for each in lab.backends for key in (each.host, each.name)}
        self._only = lab.backends[0].name if len(lab.backends) == 1 else None

    def origin(self, answer: Answer) -> str:
        """Return the record's `origin`: backend, gateway, or client if no response came."""
        if answer.status == 0:
            return "client"
        headers = answer.headers
        if BACKEND_HEADER in headers or not _BACKENDS_OWN.isdisjoint(headers):
            return "backend"
        return "gateway"

    def backend(self, answer: Answer) -> str | None:
        """Return the lab's name of the backend that answered, or None if the answer does not name one of the lab."""
        host = answer.headers.get(BACKEND_HEADER)
        return None if host is None else self._names.get(host.lower())

    def backend_us(self, answer: Answer) -> int | None:
        """Return how long the gateway waited for the backend, in microseconds, or None if the answer does not say."""
        value = answer.headers.get(WAIT_HEADER)
        if value is None:
            return None
        try:
            return min(max(int(float(value) * 1000), 0), MOST_INT32)
        except (ValueError, OverflowError):
            return None

    def retry_after_s(self, answer: Answer) -> float | None:
        """Return how long the answer asks the client to wait, in seconds, or None if it does not."""
        headers = answer.headers
        value, milliseconds = headers.get(b"retry-after"), headers.get(b"retry-after-ms")
        if value is None and milliseconds is None:
            return None
        return parse_retry_after(_text(value), _text(milliseconds), time.time(), self._options)

    @staticmethod
    def usage(answer: Answer) -> Usage | None:
        """Return the tokens of a complete 2xx answer, or None if its body is not a JSON object, so not a completion."""
        try:
            body = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(body, dict):
            return None
        usage = body.get("usage")
        return usage_of(usage) if isinstance(usage, dict) else NO_USAGE


def _token_count(value: object) -> int | None:
    """Return the value if it is a number of tokens that fits the record (a non-negative int32), else None."""
    return value if type(value) is int and 0 <= value <= MOST_INT32 else None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
