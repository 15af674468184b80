"""Reads an answer: its origin and backend, its Retry-After, and the tokens it used."""

from __future__ import annotations

import time
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from locustfiles.http.answer import Answer
from locustfiles.http.refusals import Refusals
from tripcurve.breaker.retry_after import parse_retry_after
from tripcurve.gateways import profile_of
from tripcurve.lab import Lab

__all__ = ["NO_USAGE", "Reader", "Usage", "usage_of"]

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
        profile = profile_of(lab)
        self._options = lab.local
        self._refusals = Refusals(profile)
        self._names = {key.lower().encode(): each.name for each in lab.backends for key in (each.host, each.name)}
        self._naming = tuple(name.encode() for name in profile.backend_headers)
        self._marks = frozenset((*self._naming, *(name.encode() for name in profile.backend_marks)))
        self._only = lab.backends[0].name if profile.only_the_labs and len(lab.backends) == 1 else None
        self._wait = None if profile.wait is None else profile.wait.header.encode()
        self._wait_us = 0.0 if profile.wait is None else profile.wait.unit_us

    def origin(self, answer: Answer) -> str:
        """Return the record's `origin`: backend, gateway, or client if no response came."""
        if answer.status == 0:
            return "client"
        if not self._marks.isdisjoint(answer.headers):
            return "backend"
        return self._refusals.origin(answer)

    def refusal(self, answer: Answer) -> str | None:
        """Return why the gateway's own answer is no shed although it may look like one, as an error class, or None."""
        return self._refusals.error(answer)

    def backend(self, answer: Answer) -> str | None:
        """Return the lab's name of the backend that answered, or None if it is not known.

        An answer of the only backend needs no name. It needs a mark if the gateway sets any: without one, nothing shows
        that the lab describes this gateway.
        """
        for header in self._naming:
            value = answer.headers.get(header)
            if value is not None:
                return self._named(value.lower())
        if self._only is None or self.origin(answer) != "backend":
            return None
        return self._only if not self._marks or not self._marks.isdisjoint(answer.headers) else None

    def _named(self, value: bytes) -> str | None:
        """Return the lab's name of a backend that is given by its name, its host, or a URL with its host."""
        name = self._names.get(value)
        if name is not None or b"://" not in value:
            return name
        try:
            host = urlsplit(value.decode("latin-1")).hostname
        except ValueError:
            return None
        return None if host is None else self._names.get(host.encode("latin-1"))

    def backend_us(self, answer: Answer) -> int | None:
        """Return how long the gateway waited for the backend, in microseconds, or None if the answer does not say."""
        value = None if self._wait is None else answer.headers.get(self._wait)
        if value is None:
            return None
        try:
            return min(max(int(float(value) * self._wait_us), 0), MOST_INT32)
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
