"""The calls of ARM that commands send, as they leave this process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

__all__ = ["Call", "flat_types", "recorded"]

POLL = re.compile("/operation(statuses|results)/", re.IGNORECASE)
"""Addresses that the service itself gives for a long operation; no specification has them."""
KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


@dataclass(frozen=True)
class Call:
    """One call. `headers` have lower-case names and no token; `body` is the JSON sent, None without one."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @property
    def version(self) -> str:
        return self.query["api-version"]

    def __str__(self) -> str:
        return f"{self.method} {self.path}?api-version={self.version}"


@contextmanager
def recorded(management_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Call]]:
    """The calls of ARM inside the block, without polls and without sign-in."""
    calls: list[Call] = []
    send = requests.Session.send

    def recording(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        url = urlsplit(request.url or "")
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if (request.url or "").startswith(management_url) and "api-version" in query and not POLL.search(url.path):
            headers = {name.lower(): value for name, value in request.headers.items() if name != "Authorization"}
            calls.append(Call(request.method or "", url.path, query, headers, _json(request.body)))
        return send(session, request, **more)

    with monkeypatch.context() as patch:
        patch.setattr(requests.Session, "send", recording)
        yield calls


def _json(body: Any) -> Any:
    """The JSON of a body, which may be a stream; None without a body."""
    if hasattr(body, "read"):
        text = body.read()
        body.seek(0)
        return json.loads(text)
    return json.loads(body) if body else None


def flat_types(body: Any, place: str = "") -> dict[str, str]:
    """The type of every value in a JSON body, by its dotted path; a list's item is at `[]`, an id's is `{id}`."""
    found = {} if place == "" else {place: KINDS[type(body)]}
    if isinstance(body, dict):
        for name, value in body.items():
            step = "{id}" if name.startswith("/") else name
            found |= {} if value is None else flat_types(value, f"{place}.{step}".lstrip("."))
    if isinstance(body, list):
        for item in body:
            found |= flat_types(item, f"{place}[]")
    return found
