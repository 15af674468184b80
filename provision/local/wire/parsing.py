"""Parses requests with llhttp, and refuses those that two servers could read differently."""

from __future__ import annotations

from collections.abc import Callable

import httptools

from provision.local.wire.body import BodyStream
from provision.local.wire.limits import Limits
from provision.local.wire.messages import Refused, Request

__all__ = ["RequestParser"]


_FRAMING_SHARE = 16
"""Most bytes of chunk framing for each byte of body. A chunk of one byte needs five."""


class RequestParser:
    """Parses the bytes of one connection into requests. After raising Refused it ignores further bytes."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float],
        pause: Callable[[], None],
        resume: Callable[[], None],
        send_continue: Callable[[], None],
    ) -> None:
        self._limits, self._clock = limits, clock
        self._pause, self._resume, self._send_continue = pause, resume, send_continue
        self._llhttp = httptools.HttpRequestParser(self)
        self._done: list[Request] = []
        self._refusal: Refused | None = None
        self._ended = False
        self._piece_bytes = 0
        self.peer = ""
        self.pipeline_paused = False
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._head_bytes = 0
        self._request: Request | None = None
        self._stream: BodyStream | None = None
        self._parts: list[bytes] = []
        self._body_bytes = self._framing_bytes = 0
        self._expects_continue = False
        self._started = False

    # The connection calls these.

    @property
    def in_head(self) -> bool:
        """Whether a request has begun but its headers are not complete."""
        return self._started and self._request is None

    @property
    def in_body(self) -> bool:
        """Whether a request's headers are complete but its body is not."""
        return self._request is not None

    @property
    def receiving(self) -> bool:
        """Whether a request has begun and not ended."""
        return self._started

    def feed(self, data: bytes) -> list[Request]:
        """Parse bytes and return the requests that can be served now, oldest first.

        Raises Refused for a request that is not accepted; `finished` then returns the valid ones before it.
        """
        if self._ended:
            return []
        self._piece_bytes = len(data)
        if self._request is None:
            self._started = True
            self._head_bytes += len(data)
        else:
            self._framing_bytes += len(data)
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._upgrade()
        except httptools.HttpParserError as error:
            self._failed(error)
        if self._request is None and self._started and self._head_bytes > self._limits.head_bytes:
            self._refuse(431, "The request's headers are too large.")
        if self._request is not None:
            self._check_framing_share()
        if self._request is not None and self._stream is None:
            self._begin_stream(self._request)
        return self.finished()

    def finished(self) -> list[Request]:
        """Return the valid requests that were parsed before a refusal."""
        done, self._done = self._done, []
        return done

    def fail(self, error: Exception) -> None:
        """End the body that is arriving with `error`, which its reader gets."""
        if self._stream is not None:
            self._stream.fail(error)

    def lost(self) -> None:
        """Release everything when the connection is closed. Call nothing afterwards.

        Objects that refer back to this one are dropped, so that connections do not wait for the garbage collector.
        """
        self.fail(ConnectionResetError("the client left"))
        self._ended, self._refusal = True, None
        self._reset()
        del self._llhttp, self._pause, self._resume, self._send_continue

    # llhttp calls these.

    def on_url(self, url: bytes) -> None:
        self._started = True
        self._url += url
        if len(self._url) > self._limits.target_bytes:
            self._refuse(414, "The request target is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._request is not None:
            return  # a trailer: it is not used, and forwarding it is not required [RFC9110]
        text = value.decode("latin-1")
        if text[-1:] in (" ", "\t"):
            text = text.rstrip(" \t")
        self._headers.append((name.decode("latin-1").lower(), text))

    def on_headers_complete(self) -> None:
        version = self._llhttp.get_http_version()
        request = Request(
            method=self._llhttp.get_method().decode("latin-1"),
            target=_origin_form(self._url),
            headers=self._headers,
            version=version,
            peer=self.peer,
            received=self._clock(),
            keep_alive=self._llhttp.should_keep_alive(),
        )
        self._check(request)
        self._request = request

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        self._framing_bytes -= len(data)
        if self._body_bytes > self._limits.body_bytes:
            self._refuse(413, f"The request body is larger than {self._limits.body_bytes} bytes.")
        if self._stream is not None:
            self._stream.feed(data)
        else:
            self._parts.append(data)

    def on_message_complete(self) -> None:
        request = self._request
        if request is None:
            raise Refused(400, "Bad request")
        if self._stream is not None:
            self._stream.finish()
        else:
            request.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._done.append(request)
        if not request.keep_alive:
            self._ended = True
        self._reset()

    # Rules.

    def _check(self, request: Request) -> None:
        """Refuse requests that llhttp accepts but this server does not."""
        names = [name for name, _ in request.headers]
        self._check_size(request.headers)
        if request.version not in ("1.0", "1.1"):
            self._refuse(505, "Only HTTP/1.0 and HTTP/1.1 are supported.")
        hosts = names.count("host")
        if hosts > 1 or (hosts == 0 and request.version == "1.1"):
            self._refuse(400, "A request has exactly one Host header.")
        if "transfer-encoding" in names:
            self._check_coding(request, names.count("transfer-encoding"))
        if "content-length" in names and int(request.header("content-length") or 0) > self._limits.body_bytes:
            self._refuse(413, f"The request body is larger than {self._limits.body_bytes} bytes.")
        if "expect" in names:
            self._check_expectation(request)

    def _check_size(self, headers: list[tuple[str, str]]) -> None:
        if len(headers) > self._limits.head_count:
            self._refuse(431, "The request has too many headers.")
        # Both counts may include bytes of bodies, so count exactly only if one is too large.
        if max(self._head_bytes, self._piece_bytes) > self._limits.head_bytes:
            exact = len(self._url) + sum(len(name) + len(value) + 4 for name, value in headers)
            if exact > self._limits.head_bytes:
                self._refuse(431, "The request's headers are too large.")

    def _check_coding(self, request: Request, count: int) -> None:
        coding = (request.header("transfer-encoding") or "").strip().lower()
        if count > 1:
            self._refuse(400, "A request has at most one Transfer-Encoding header.")
        if coding != "chunked" or request.version == "1.0":
            self._refuse(400, "Only the transfer coding chunked is supported.")

    def _check_expectation(self, request: Request) -> None:
        if (request.header("expect") or "").strip().lower() != "100-continue":
            self._refuse(417, "The only expectation supported is 100-continue.")
        self._expects_continue = request.version == "1.1"

    def _check_framing_share(self) -> None:
        """Refuse a body with too much chunk framing: llhttp collects chunk sizes, extensions and trailers in memory."""
        if self._framing_bytes > self._limits.head_bytes + _FRAMING_SHARE * self._body_bytes:
            self._refusal = Refused(400, "Bad request: more framing than body.")
            self._failed(self._refusal)

    def _refuse(self, status: int, message: str) -> None:
        """Raise Refused. llhttp wraps exceptions of its callbacks, so `_refusal` keeps this one for `_refusal_for`."""
        self._ended = True
        self._refusal = Refused(status, message)
        raise self._refusal

    def _failed(self, error: Exception) -> None:
        self._ended = True
        if self._stream is not None:
            self._stream.fail(self._refusal_for(error))
            self._stream = None
            self._request = None
            return
        raise self._refusal_for(error) from error

    def _refusal_for(self, error: Exception) -> Refused:
        return self._refusal if self._refusal is not None else Refused(400, _message(error))

    def _upgrade(self) -> None:
        """Ignore an Upgrade [RFC9110], but parse no further: the bytes that follow could be another protocol's."""
        self._ended = True
        request = self._done[-1] if self._done else None
        if request is None or request.method == "CONNECT" or self._has_body(request):
            self._done = self._done[:-1]
            raise Refused(400, "Upgrades are not supported.")
        request.keep_alive = False

    @staticmethod
    def _has_body(request: Request) -> bool:
        length = request.header("content-length")
        return request.header("transfer-encoding") is not None or (length is not None and int(length) > 0)

    def _begin_stream(self, request: Request) -> None:
        """Add the request to the finished ones before its body is complete, with a stream as its body."""
        on_first_read = self._send_continue if self._expects_continue and not self._parts else None
        stream = BodyStream(self._pause, self._resume, self._limits.stream_bytes, on_first_read)
        for part in self._parts:
            stream.feed(part)
        self._parts = []
        self._stream = request.body = stream
        self._done.append(request)


def _origin_form(url: bytes) -> str:
    """Return the target as path and query, without an origin or fragment."""
    target = url.decode("latin-1").partition("#")[0]
    if target.startswith("/") or target == "*":
        return target
    _, scheme, rest = target.partition("://")
    slash = rest.find("/")
    return rest[slash:] if scheme and slash >= 0 else "/"


def _message(error: Exception) -> str:
    """Return llhttp's message, which contains no bytes of the request."""
    text = str(error).replace('"', "'").replace("\\", "")
    return f"Bad request: {text}" if text.isascii() else "Bad request"
