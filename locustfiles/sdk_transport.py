"""The OpenAI SDK's transport over our own client: one TLS context, kept connections, every attempt recorded."""

from __future__ import annotations

from typing import Any

import httpx2
from gevent import GreenletExit

from locustfiles.answer import Answer
from locustfiles.client import Client
from locustfiles.traffic import Traffic

__all__ = ["INTENDED", "SdkTransport"]

INTENDED = "x-tripcurve-intended"
"""Carries an arrival's intended monotonic ns from the user to the transport; never sent."""
BODY = "tripcurve.body"
_LEFT_OUT = frozenset({b"x-tripcurve-intended", b"host", b"content-length", b"connection", b"accept-encoding"})
# What the SDK looks at in an answer's head.
_READ = frozenset({b"content-type", b"retry-after", b"retry-after-ms", b"x-should-retry", b"x-request-id"})


class SdkTransport(httpx2.Client):
    """The `http_client` of the SDK. Only an attempt that is the first of its call has an intended start.

    A client for any site merges URLs, cookies and headers anew for each request, and looks for redirects
    and credentials in each answer. All requests here go to one address with what the SDK gives them.
    """

    def __init__(self, traffic: Traffic, user: str) -> None:
        super().__init__(transport=httpx2.MockTransport(_unused))
        self._traffic = traffic
        self._user = user
        self._idle: list[Client] = []
        self._urls: dict[tuple[str, str], httpx2.URL] = {}
        self._authority = traffic.endpoint.authority.encode()

    def build_request(self, method: str, url: Any, **parts: Any) -> httpx2.Request:
        """The SDK's request as it is, its URL parsed once."""
        key = (str(url), str(parts.get("params") or ""))
        known = self._urls.get(key)
        if known is None:
            known = self._urls[key] = super().build_request(method, url, params=parts.get("params")).url
        content: bytes = parts["content"]
        # As a stream, it is not read back and measured once more.
        stream = httpx2.ByteStream(content)
        return httpx2.Request(method, known, headers=parts["headers"], stream=stream, extensions={BODY: content})

    def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """One attempt, as `handle_request` has it; the answer is whole, so nothing is left to stream."""
        response = self.handle_request(request)
        response.request = request
        return response

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One attempt. Raises the transport errors that the SDK knows."""
        answer = self._exchange(self._to_bytes(request))
        self._traffic.record(answer, self._user, _intended(request))
        if answer.error is not None:
            raise _as_transport_error(answer.error, request)
        headers = [(name, value) for name, value in answer.headers.items() if name in _READ]
        return httpx2.Response(answer.status, headers=headers, content=answer.body)

    def _to_bytes(self, request: httpx2.Request) -> bytes:
        content: bytes = request.extensions[BODY]
        lines = [b"%b %b HTTP/1.1\r\nHost: %b" % (request.method.encode(), request.url.raw_path, self._authority)]
        lines += [b"%b: %b" % (name, value) for name, value in request.headers.raw if name.lower() not in _LEFT_OUT]
        simulation = self._traffic.simulation()
        if simulation is not None:
            lines.append(b"x-simulation: " + simulation.encode())
        lines.append(b"Content-Length: %d\r\n\r\n" % len(content))
        return b"\r\n".join(lines) + content

    def _exchange(self, data: bytes) -> Answer:
        traffic = self._traffic
        if traffic.closed:
            raise GreenletExit  # a retry after the end; the SDK would try again after any Exception
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
    raise AssertionError("send never comes here")


def _intended(request: httpx2.Request) -> int | None:
    """The first attempt's place in the schedule; None for the SDK's own retries, and in closed loop."""
    value = request.headers.get(INTENDED)
    retried = request.headers.get("x-stainless-retry-count", "0") != "0"
    return None if value is None or retried else int(value)


def _as_transport_error(error: str, request: httpx2.Request) -> httpx2.TransportError:
    if error == "Timeout":
        return httpx2.ReadTimeout(error, request=request)
    if error in ("ConnectionRefused", "ConnectTimeout", "DnsFailure", "CertificateInvalid", "TlsFailure"):
        return httpx2.ConnectError(error, request=request)
    return httpx2.RemoteProtocolError(error, request=request)
