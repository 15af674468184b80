"""What goes to a backend, and what comes back."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Call", "ClientResponse", "Endpoint", "UpstreamFailure"]

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


class Endpoint(NamedTuple):
    """Where to connect. `tls` None: plain http; `server_name` is what the certificate must bear."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


class UpstreamFailure(Exception):
    """No usable answer. `reason` is LastError's: Timeout or BackendConnectionFailure.

    `untouched`: the connection was closed before a single byte came back.
    """

    def __init__(self, reason: str, message: str, *, untouched: bool = False) -> None:
        super().__init__(message)
        self.reason, self.message, self.untouched = reason, message, untouched


@dataclass(slots=True)
class ClientResponse:
    """A backend's response. Header names are lower-case. `received`: monotonic instant of its status line."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    received: float
    body: bytes | AsyncIterator[bytes] = b""

    def header(self, name: str) -> str | None:
        """The first value of a header by its lower-case name; None when absent."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(slots=True)
class Call:
    """One request to a backend."""

    endpoint: Endpoint
    head: bytes
    method: str
    body: bytes | AsyncIterator[bytes] = b""
    chunked: bool = False
    """Whether a streamed body is framed in chunks, as the head must then say."""
    timeout_s: float = 300.0
    """Longest wait for the response's head, from the moment the connection stands (or before, see below)."""
    connect_timeout_s: float = 30.0
    connect_counts: bool = True
    """Whether the time to connect is taken off `timeout_s`."""
    on_head: Callable[[ClientResponse], None] | None = None
    """Called the instant the response's head is there, before anything waiting for it runs."""

    @property
    def replayable(self) -> bool:
        """Whether sending it twice does no harm and is possible."""
        return isinstance(self.body, bytes) and self.method in _IDEMPOTENT
