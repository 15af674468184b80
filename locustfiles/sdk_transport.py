"""The OpenAI SDK's transport over our own client: one TLS context, kept connections, every attempt recorded."""

from __future__ import annotations

import httpx2
from gevent import GreenletExit

from locustfiles.answer import Answer
from locustfiles.client import Client
from locustfiles.traffic import Traffic

__all__ = ["INTENDED", "SdkTransport"]

INTENDED = "x-tripcurve-intended"
"""Carries an arrival's intended monotonic ns from the user to the transport; never sent."""
_LEFT_OUT = frozenset({b"x-tripcurve-intended", b"host", b"content-length", b"connection", b"accept-encoding"})


class SdkTransport(httpx2.BaseTransport):
    """Sends the SDK's requests. Only an attempt that is the first of its call has an intended start."""

    def __init__(self, traffic: Traffic, user: str) -> None:
        self._traffic = traffic
        self._user = user
        self._idle: list[Client] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One attempt. Raises the transport errors that the SDK knows."""
        answer = self._exchange(_to_bytes(request, self._traffic))
        self._traffic.record(answer, self._user, _intended(request))
        if answer.error is not None:
            raise _as_transport_error(answer.error, request)
        return httpx2.Response(answer.status, headers=list(answer.headers.items()), content=answer.body)

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


def _to_bytes(request: httpx2.Request, traffic: Traffic) -> bytes:
    content = request.content
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines.append(b"Host: " + traffic.endpoint.authority.encode())
    lines += [b"%b: %b" % (name, value) for name, value in request.headers.raw if name.lower() not in _LEFT_OUT]
    simulation = traffic.simulation()
    if simulation is not None:
        lines.append(b"x-simulation: " + simulation.encode())
    lines.append(b"Content-Length: %d\r\n\r\n" % len(content))
    return b"\r\n".join(lines) + content


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
