"""A call to a backend: its request, its response, and its failure."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["ClientResponse", "Endpoint", "UpstreamCall", "UpstreamFailure"]

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


class Endpoint(NamedTuple):
    """Where to connect. `tls` None: plain HTTP. `server_name`: the name that the certificate must have."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


class UpstreamFailure(Exception):
    """The backend gave no usable answer.

    `reason`: the Reason of `context.LastError`, Timeout or BackendConnectionFailure. `untouched`: the connection was
    closed before any byte came back.
    """

    def __init__(self, reason: str, message: str, *, untouched: bool = False) -> None:
        super().__init__(message)
        self.reason, self.message, self.untouched = reason, message, untouched


@dataclass(slots=True)
class ClientResponse:
    """A backend's response. Header names are lower-case. `received`: when its head was complete, monotonic seconds."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    received: float
    body: bytes | AsyncIterator[bytes] = b""

    def header(self, name: str) -> str | None:
        """Return the first value of a header by its lower-case name, or None if it is absent."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(slots=True)
class UpstreamCall:
    """One request to a backend. `head` is the request line and headers as bytes, with the blank line."""

    endpoint: Endpoint
    head: bytes
    method: str
    body: bytes | AsyncIterator[bytes] = b""
    chunked: bool = False
    """Whether a streamed body is sent in chunks; `head` must then have Transfer-Encoding: chunked."""
    timeout_s: float = 300.0
    """Longest wait for the response's head, from when the connection is open (or before: see `connect_counts`)."""
    connect_timeout_s: float = 30.0
    connect_counts: bool = True
    """Whether the time to connect is subtracted from `timeout_s`."""
    on_head: Callable[[ClientResponse], None] | None = None
    """Called as soon as the response's head is complete, before any task that waits for it. None: not called."""

    @property
    def replayable(self) -> bool:
        """Whether the request can be sent again: its body is at hand and its method is idempotent [RFC9110]."""
        return isinstance(self.body, bytes) and self.method in _IDEMPOTENT
