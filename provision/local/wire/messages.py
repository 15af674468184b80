"""Requests and responses as the wire has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus

from provision.local.wire.body import BodyStream

__all__ = ["Disconnect", "Refused", "Request", "Response", "head_bytes", "reason_of"]

REASONS: dict[int, str] = {status.value: status.phrase for status in HTTPStatus}


class Disconnect(Exception):
    """Raised by a handler, or by the iterator of its response's body: cut the connection here."""


class Refused(Exception):
    """A request the wire does not take: its status, and a message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(slots=True)
class Request:
    """One request. Header names are lower-case; repeated headers are repeated items.

    `body` is all of the body when it arrived with the head (or there is none), else a stream.
    """

    method: str
    target: str
    """As sent, always beginning with `/` (the absolute form is reduced to it) or `*`."""
    headers: list[tuple[str, str]]
    version: str
    peer: str
    """The client's address."""
    received: float
    """Monotonic instant at which the head was complete."""
    body: bytes | BodyStream = b""
    keep_alive: bool = True

    def header(self, name: str) -> str | None:
        """The first value of a header by its lower-case name; None when absent."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises Refused (413) over `limit` bytes."""
        if isinstance(self.body, bytes):
            return self.body
        parts, size = [], 0
        async for part in self.body:
            size += len(part)
            if size > limit:
                raise Refused(413, f"The request body is larger than {limit} bytes.")
            parts.append(part)
        self.body = b"".join(parts)
        return self.body


@dataclass(slots=True)
class Response:
    """One response. `body` of bytes gets a Content-Length; an iterator is sent chunked as it comes.

    Framing headers (content-length, transfer-encoding, connection) are the server's: leave them out,
    except content-length on a body of known size that is streamed, or on the answer to HEAD.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
    reason: str | None = None
    """None: the standard phrase."""


def reason_of(status: int) -> str:
    """The standard phrase of a status; empty for one that has none."""
    return REASONS.get(status, "")


def head_bytes(first_line: str, headers: list[tuple[str, str]]) -> bytes:
    """First line and headers as bytes, blank line included.

    A line break in a name or value would start a header of its own: such characters become spaces.
    """
    lines = [f"{name}: {value}" for name, value in headers]
    text = "\r\n".join([first_line, *lines])
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        text = "\r\n".join(_one_line(line) for line in [first_line, *lines])
    try:
        return (text + "\r\n\r\n").encode("latin-1")
    except UnicodeEncodeError:
        return (text + "\r\n\r\n").encode("utf-8", "replace")


def _one_line(line: str) -> str:
    return line.replace("\r", " ").replace("\n", " ").replace("\0", " ")
