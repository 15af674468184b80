"""Reads an answer: who produced it, which backend, what it says to wait, and what it used."""

from __future__ import annotations

import time
from typing import NamedTuple

import orjson

from locustfiles.http.answer import Answer
from tripcurve.breaker.retry_after import parse_retry_after
from tripcurve.lab import Lab

__all__ = ["Reader", "Usage", "token_count"]

BACKEND_HEADER = b"x-tripcurve-backend"
WAIT_HEADER = b"x-tripcurve-backend-ms"
# Headers that Azure OpenAI sets and a gateway does not: they tell who answered where the policy is not ours.
_BACKENDS_OWN = frozenset({b"x-ms-region", b"apim-request-id", b"azureml-model-session", b"x-ms-deployment-name"})
MOST_INT32 = 2**31 - 1


class Usage(NamedTuple):
    """Tokens as the answer counts them; None: not told."""

    prompt: int | None
    completion: int | None


class Reader:
    """Reads answers of one lab's gateway."""

    def __init__(self, lab: Lab) -> None:
        self._options = lab.local
        self._names = {key.lower().encode(): each.name for each in lab.backends for key in (each.host, each.name)}
        self._only = lab.backends[0].name if len(lab.backends) == 1 else None

    def origin(self, answer: Answer) -> str:
        """backend, gateway or client, as the record has it."""
        if answer.status == 0:
            return "client"
        headers = answer.headers
        if BACKEND_HEADER in headers or not _BACKENDS_OWN.isdisjoint(headers):
            return "backend"
        return "gateway"

    def backend(self, answer: Answer) -> str | None:
        """The lab's name of the backend that answered; None when the answer does not say."""
        host = answer.headers.get(BACKEND_HEADER)
        return None if host is None else self._names.get(host.lower())

    def backend_us(self, answer: Answer) -> int | None:
        """The gateway's wait for the backend; None: not told."""
        value = answer.headers.get(WAIT_HEADER)
        if value is None:
            return None
        try:
            return min(max(int(float(value) * 1000), 0), MOST_INT32)
        except (ValueError, OverflowError):
            return None

    def retry_after_s(self, answer: Answer) -> float | None:
        """Seconds that the answer asks to wait; None: it does not."""
        headers = answer.headers
        value, milliseconds = headers.get(b"retry-after"), headers.get(b"retry-after-ms")
        if value is None and milliseconds is None:
            return None
        return parse_retry_after(_text(value), _text(milliseconds), time.time(), self._options)

    @staticmethod
    def usage(answer: Answer) -> Usage | None:
        """The tokens of a whole 2xx answer; None: its body is no JSON object, so it is no completion."""
        try:
            body = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(body, dict):
            return None
        usage = body.get("usage")
        if not isinstance(usage, dict):
            return Usage(None, None)
        return Usage(token_count(usage.get("prompt_tokens")), token_count(usage.get("completion_tokens")))


def token_count(value: object) -> int | None:
    """Return the value if the record can hold it as a number of tokens, else None."""
    return value if type(value) is int and 0 <= value <= MOST_INT32 else None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
