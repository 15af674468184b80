"""Requests and responses of the HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus

from provision.local.wire.body import BodyStream

__all__ = ["Disconnect", "Refused", "Request", "Response", "head_bytes", "reason_of"]

REASONS: dict[int, str] = {status.value: status.phrase for status in HTTPStatus}


class Disconnect(Exception):
    """Raised by a handler, or by the iterator of its response's body, to close the connection at once."""


class Refused(Exception):
    """A request that the server refuses, with the status and a message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(slots=True)
class Request:
    """One request. Header names are lower-case; repeated headers are repeated items.

    `body` is the whole body if it arrived with the head (or is absent), else a stream.
    """

    method: str
    target: str
    """The path and query as sent, or `*`. The absolute form is reduced to path and query."""
    headers: list[tuple[str, str]]
    version: str
    peer: str
    """The client's address."""
    received: float
    """When the head was complete, monotonic seconds."""
    body: bytes | BodyStream = b""
    keep_alive: bool = True

    def header(self, name: str) -> str | None:
        """Return the first value of a header by its lower-case name, or None if it is absent."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    async def read(self, limit: int) -> bytes:
        """Return the whole body. Raises Refused (413) if it is longer than `limit` bytes."""
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
    """One response. A `body` of bytes gets a Content-Length; an iterator is sent in chunks, piece by piece.

    The server adds the framing headers (content-length, transfer-encoding, connection). Leave them out, except
    content-length for a streamed body of known size or for the answer to HEAD.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
    reason: str | None = None
    """None: the standard phrase."""


def reason_of(status: int) -> str:
    """Return the standard phrase of a status, or an empty text if it has none."""
    return REASONS.get(status, "")


def head_bytes(first_line: str, headers: list[tuple[str, str]]) -> bytes:
    """Return the first line and the headers as bytes, with the blank line.

    A line break in a name or value would start another header, so line breaks and NULs become spaces.
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
