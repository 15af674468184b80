"""The OpenAI SDK's transport over our own client, which keeps connections open and records every attempt."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import httpx2
from gevent import GreenletExit

from locustfiles.conduct.traffic import Traffic
from locustfiles.http.answer import Answer
from locustfiles.http.client import Client

__all__ = ["DUE", "FIRST", "SdkTransport"]

DUE: ContextVar[int | None] = ContextVar("DUE", default=None)
"""When this greenlet's call was due, monotonic ns; None: closed loop, or its first attempt was already recorded."""
FIRST: ContextVar[bool] = ContextVar("FIRST", default=True)
"""Whether no attempt of this greenlet's call has been sent yet."""
HEAD, BODY = "tripcurve.head", "tripcurve.body"
_LEFT_OUT = frozenset({"host", "content-length", "connection", "accept-encoding"})
# The SDK reads only these headers of an answer.
_READ = frozenset({b"content-type", b"retry-after", b"retry-after-ms", b"x-should-retry", b"x-request-id"})
_MOST_KINDS = 64
_NO_STREAM = httpx2.ByteStream(b"")

_Kind = tuple[str, str, str, tuple[tuple[str, str], ...]]


class _Known:
    """The parts that requests of one kind share: URL, headers as the SDK sees them, and the head as it is sent."""

    def __init__(self, request: httpx2.Request, headers: tuple[tuple[str, str], ...], authority: str) -> None:
        self.url = request.url
        self.headers = request.headers
        target = request.url.raw_path.decode()
        lines = [f"{request.method} {target} HTTP/1.1", f"Host: {authority}"]
        lines += [f"{name}: {value}" for name, value in headers if name.lower() not in _LEFT_OUT]
        self.head = "\r\n".join(lines).encode()


class _Whole(httpx2.Response):
    """A response whose body is already complete, so reading it does not stream or decode."""

    def __init__(self, answer: Answer, request: httpx2.Request) -> None:
        headers = [(name, value) for name, value in answer.headers.items() if name in _READ]
        super().__init__(answer.status, headers=headers, stream=_NO_STREAM, request=request)
        self._body = answer.body
        self.is_closed = self.is_stream_consumed = True

    @property
    def content(self) -> bytes:
        return self._body

    def read(self) -> bytes:
        return self._body


class SdkTransport(httpx2.Client):
    """The `http_client` of the SDK, for calls to one address.

    A general client merges URLs, cookies and headers for each request, and checks each answer for redirects and
    credentials. Here requests of the same kind share everything but their bodies.
    """

    def __init__(self, traffic: Traffic, user: str) -> None:
        super().__init__(transport=httpx2.MockTransport(_unused))
        self._traffic = traffic
        self._user = user
        self._idle: list[Client] = []
        self._known: dict[_Kind, _Known] = {}

    def build_request(self, method: str, url: Any, **parts: Any) -> httpx2.Request:
        """Return the SDK's request with a shared URL and shared headers. Its body is kept aside as given."""
        kind = (method, str(url), str(parts.get("params") or ""), tuple(parts["headers"]))
        known = self._known.get(kind)
        if known is None:
            known = self._learn(kind)
        extensions = {HEAD: known.head, BODY: parts["content"]}
        request = httpx2.Request(method, known.url, stream=_NO_STREAM, extensions=extensions)
        request.headers = known.headers  # shared: nobody changes a request's headers once it is built
        return request

    def _learn(self, kind: _Kind) -> _Known:
        method, url, params, headers = kind
        request = super().build_request(method, url, params=params, headers=list(headers))
        if len(self._known) == _MOST_KINDS:
            self._known.clear()  # the SDK varies its headers, so remembering them does not help
        known = self._known[kind] = _Known(request, headers, self._traffic.address.authority)
        return known

    def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """Send one attempt and record it. Raises httpx transport errors, which the SDK retries or reports."""
        answer = self._exchange(self._to_bytes(request))
        due = DUE.get()
        if due is not None:
            DUE.set(None)  # further attempts of this call are the SDK's retries, which have no due time
        self._traffic.record(answer, self._user, due)
        self._traffic.count_attempt(answer, FIRST.get())
        FIRST.set(False)
        if answer.error is not None:
            raise _as_transport_error(answer.error, request)
        return _Whole(answer, request)

    def _to_bytes(self, request: httpx2.Request) -> bytes:
        head, content = request.extensions[HEAD], request.extensions[BODY]
        simulation = self._traffic.simulation()
        if simulation is not None:
            head = b"%b\r\nx-simulation: %b" % (head, simulation.encode())
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(content), content)

    def _exchange(self, data: bytes) -> Answer:
        traffic = self._traffic
        if traffic.closed:
            raise GreenletExit  # a retry after the run's end; the SDK would retry after any Exception
        client = self._idle.pop() if self._idle else traffic.client()
        traffic.in_flight += 1
        try:
            return client.exchange(data)
        finally:
            traffic.in_flight -= 1
            self._idle.append(client)

    def close(self) -> None:
        for client in self._idle:
            client.close()
        super().close()


def _unused(request: httpx2.Request) -> httpx2.Response:
    raise AssertionError("SdkTransport.send must not reach the mock transport")


def _as_transport_error(error: str, request: httpx2.Request) -> httpx2.TransportError:
    if error == "Timeout":
        return httpx2.ReadTimeout(error, request=request)
    if error in ("ConnectionRefused", "ConnectTimeout", "DnsFailure", "CertificateInvalid", "TlsFailure"):
        return httpx2.ConnectError(error, request=request)
    return httpx2.RemoteProtocolError(error, request=request)
