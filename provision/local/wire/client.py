"""An HTTP/1.1 client for calls to backends, with kept-alive connections and streaming in both directions.

    client = Client()
    response = await client.request(UpstreamCall(Endpoint("127.0.0.1", 8080), head, body=b"...", timeout_s=30))

`head` is the request's head as bytes, with its framing headers, so the caller decides which headers are forwarded.
Failures raise `UpstreamFailure`, whose reason is one of API Management's.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from provision.local.wire.calls import ClientResponse, Endpoint, UpstreamCall, UpstreamFailure
from provision.local.wire.exchange import Exchange, UpstreamConnection

__all__ = ["Client"]

_IDLE_S = 60.0
_TRUSTED_IDLE_S = 3.0
_SILENCE_S = 240.0
_SWEEP_S = 1.0


class Client:
    """Connections to backends, kept for the next call if both sides allow it.

    A backend may close an idle connection just as a request is sent. If no byte came back, a call with an idempotent
    method whose body is at hand is sent once more. Other calls use only connections that were used within the last
    three seconds, because servers close idle ones after five seconds or more, and are never repeated.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, idle_s: float = _IDLE_S, silence_s: float = _SILENCE_S
    ) -> None:
        """`idle_s`: how long an unused connection is kept. `silence_s`: the longest pause within a response's body."""
        self._clock, self._idle_s, self._silence_s = clock, idle_s, silence_s
        self._idle: dict[Endpoint, deque[UpstreamConnection]] = {}
        self._open: set[UpstreamConnection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def request(self, call: UpstreamCall) -> ClientResponse:
        """Send a call and return the response as soon as its head is complete. Raises UpstreamFailure."""
        connection = self._take(call)
        if connection is not None:
            try:
                return await self._exchange(call, connection)
            except UpstreamFailure as failure:
                if not (failure.untouched and call.replayable):
                    raise
        return await self._exchange(call, await self._connect(call))

    async def close(self) -> None:
        """Abort every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._open):
            connection.abort()
        await asyncio.sleep(0)

    def _take(self, call: UpstreamCall) -> UpstreamConnection | None:
        """Return the idle connection that was used last and can be used for this call, or None."""
        waiting = self._idle.get(call.endpoint)
        while waiting:
            connection = waiting.pop()
            if connection.usable:
                if call.replayable or self._clock() - connection.used_at < _TRUSTED_IDLE_S:
                    return connection
                connection.abort()
        return None

    async def _connect(self, call: UpstreamCall) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        endpoint = call.endpoint
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP_S, self._sweep)
        started = self._clock()
        connection = UpstreamConnection(endpoint, self._clock, self._release, self._forget)
        try:
            async with asyncio.timeout(call.connect_timeout_s):
                await loop.create_connection(
                    lambda: connection,
                    endpoint.host,
                    endpoint.port,
                    ssl=endpoint.tls,
                    server_hostname=endpoint.server_name if endpoint.tls is not None else None,
                )
        except asyncio.CancelledError:
            connection.unmake()
            raise
        except TimeoutError:
            connection.unmake()
            raise UpstreamFailure("Timeout", "The connection to the backend was not made in time.") from None
        except OSError as error:  # refused, unreachable, no such host, TLS
            raise UpstreamFailure("BackendConnectionFailure", _cause(error)) from error
        if call.connect_counts:
            call.timeout_s -= self._clock() - started
        self._open.add(connection)
        return connection

    async def _exchange(self, call: UpstreamCall, connection: UpstreamConnection) -> ClientResponse:
        loop = asyncio.get_running_loop()
        exchange = Exchange(loop.create_future(), call.method, call.on_head)
        connection.begin(exchange)
        timer = loop.call_later(max(call.timeout_s, 0.0), connection.time_out, exchange)
        sender: asyncio.Task[None] | None = None
        try:
            if isinstance(call.body, bytes):
                connection.send(call.head + call.body)
                connection.sent()
            else:
                sender = loop.create_task(self._send_body(call, call.body, connection))
                exchange.sender = sender
            return await exchange.response
        except BaseException:
            if sender is not None:
                sender.cancel()
            connection.drop(exchange)
            raise
        finally:
            timer.cancel()
            del exchange, sender  # a failure refers to this frame, and these to the failure: a reference cycle

    async def _send_body(self, call: UpstreamCall, body: AsyncIterator[bytes], connection: UpstreamConnection) -> None:
        """Send the request while its body arrives.

        The head is sent with the first piece, so a body that fails at once reaches no backend.
        """
        head = call.head
        try:
            async for part in body:
                framed = b"%x\r\n%b\r\n" % (len(part), part) if call.chunked else part
                connection.send(head + framed if head else framed)
                head = b""
                await connection.drained()
            last = b"0\r\n\r\n" if call.chunked else b""
            if head or last:
                connection.send(head + last)
            connection.sent()
        except asyncio.CancelledError:
            connection.abort()
            raise
        except Exception as error:
            connection.fail(error)

    def _release(self, connection: UpstreamConnection) -> None:
        self._idle.setdefault(connection.endpoint, deque()).append(connection)

    def _forget(self, connection: UpstreamConnection) -> None:
        self._open.discard(connection)
        waiting = self._idle.get(connection.endpoint)
        if waiting is not None:
            with suppress(ValueError):
                waiting.remove(connection)
            if not waiting:
                del self._idle[connection.endpoint]

    def expire(self) -> None:
        """Close connections that were idle for too long, and fail bodies that stopped arriving."""
        now = self._clock()
        for connection in list(self._open):
            connection.expire(now, self._idle_s, self._silence_s)

    def _sweep(self) -> None:
        self.expire()
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)


def _cause(error: OSError) -> str:
    text = str(error.strerror) if error.strerror else type(error).__name__
    return f"The backend could not be reached: {text}"
