"""One connection to a backend, and the exchange under way on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from provision.local.wire.body import BodyStream
from provision.local.wire.calls import ClientResponse, Endpoint, UpstreamFailure

__all__ = ["Exchange", "ResponseBody", "UpstreamConnection"]

_STREAM_BYTES = 262_144
_HEAD_BYTES = 131_072


class ResponseBody(BodyStream):
    """A backend's body that is still arriving. Closing it early aborts the connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: UpstreamConnection) -> None:
        super().__init__(connection.pause, connection.resume, _STREAM_BYTES)
        self._connection = connection

    async def aclose(self) -> None:
        """Stop reading, and abort the connection if the body is not complete."""
        if not self.complete:
            self._connection.give_up(self)


class Exchange:
    """One request and its response. `sender` is the task that sends a streamed body; None: there is none."""

    __slots__ = ("method", "on_head", "response", "sender", "sent")

    def __init__(
        self,
        response: asyncio.Future[ClientResponse],
        method: str,
        on_head: Callable[[ClientResponse], None] | None,
    ) -> None:
        self.response, self.method, self.on_head = response, method, on_head
        self.sent = False
        self.sender: asyncio.Task[None] | None = None


class UpstreamConnection(asyncio.Protocol):
    """Carries one exchange at a time. `release` is called when it is free again, `forget` when it is closed."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float],
        release: Callable[[UpstreamConnection], None],
        forget: Callable[[UpstreamConnection], None],
    ) -> None:
        self.endpoint = endpoint
        self.used_at = clock()
        self._clock, self._release, self._forget = clock, release, forget
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._parser: httptools.HttpResponseParser = cast(httptools.HttpResponseParser, None)
        self._exchange: Exchange | None = None
        self._writable: asyncio.Future[None] | None = None
        self._gone = False
        self._reset()

    def _reset(self) -> None:
        self._reason = b""
        self._headers: list[tuple[str, str]] = []
        self._head_bytes = 0
        self._response: ClientResponse | None = None
        self._stream: ResponseBody | None = None
        self._parts: list[bytes] = []
        self._touched = False
        self._complete = False
        self._keep_alive = False

    # The client calls these.

    @property
    def usable(self) -> bool:
        """Whether another exchange can begin."""
        return not self._gone and self._exchange is None and not self._transport.is_closing()

    def begin(self, exchange: Exchange) -> None:
        """Take the exchange whose answer comes next."""
        self._exchange = exchange
        self.used_at = self._clock()

    def send(self, data: bytes) -> None:
        """Write bytes; does nothing if the connection was lost."""
        if not self._gone:
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait while the send buffer is full. Raises UpstreamFailure if the connection is closed."""
        if self._gone:
            raise UpstreamFailure("BackendConnectionFailure", "The backend closed the connection.")
        if self._writable is not None:
            await self._writable

    def sent(self) -> None:
        """Note that the request is sent completely."""
        if self._exchange is not None:
            self._exchange.sent = True
        if self._complete:
            self._finish()

    def abort(self) -> None:
        """Close the connection at once."""
        self._gone = True
        if self._transport is not None:
            self._transport.abort()

    def unmake(self) -> None:
        """Let go of transport and parser when the caller left while the connection was being made.

        Both refer back to the connection, and uvloop calls no `connection_lost` then.
        """
        self._gone = True
        self._transport = cast(asyncio.Transport, None)
        self._parser = cast(httptools.HttpResponseParser, None)

    def drop(self, exchange: Exchange) -> None:
        """Close the connection if this exchange is still under way on it."""
        if self._exchange is exchange:
            self.abort()

    def give_up(self, stream: ResponseBody) -> None:
        """Close the connection if this body is still arriving on it."""
        if self._stream is stream:
            self.abort()

    def fail(self, error: Exception) -> None:
        """End the exchange with an error, and close the connection."""
        exchange, self._exchange = self._exchange, None
        if self._stream is not None:
            self._stream.fail(error)
        if exchange is not None:
            if not exchange.response.done():
                exchange.response.set_exception(error)
            if exchange.sender is not None and exchange.sender is not asyncio.current_task():
                exchange.sender.cancel()
        self.abort()

    def time_out(self, exchange: Exchange) -> None:
        """Fail an exchange whose response head has not come."""
        if self._exchange is exchange and not exchange.response.done():
            self.fail(UpstreamFailure("Timeout", "The backend did not answer in time."))

    def expire(self, now: float, idle_s: float, silence_s: float) -> None:
        """Close the connection if it was idle for `idle_s` seconds; fail a body without a new piece for `silence_s`."""
        if self._exchange is None:
            if now - self.used_at > idle_s:
                self.abort()
        elif self._stream is not None and not self._stream.paused and now - self.used_at > silence_s:
            self.fail(UpstreamFailure("Timeout", "The backend stopped sending."))

    def pause(self) -> None:
        """Stop reading from the backend."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read from the backend again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            self.abort()  # data without a request: it could be mistaken for the next answer
            return
        self._touched = True
        self.used_at = self._clock()
        if self._response is None:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.fail(UpstreamFailure("BackendConnectionFailure", "The backend switched protocols."))
            return
        except httptools.HttpParserError as error:
            if not self._complete:
                self.fail(UpstreamFailure("BackendConnectionFailure", f"The backend's answer is not HTTP: {error}"))
                return
            self.abort()
        if self._response is None and self._head_bytes > _HEAD_BYTES:
            self.fail(UpstreamFailure("BackendConnectionFailure", "The backend's headers are too large."))
            return
        self._deliver()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._forget(self)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._exchange is not None:
            self._end_with_connection()
        self._reset()
        # The parser refers back to this object, which would otherwise wait for the garbage collector.
        self._parser = cast(httptools.HttpResponseParser, None)

    def _end_with_connection(self) -> None:
        """End the exchange under way: a body without a length is complete now, anything else has failed."""
        if self._response is not None and self._ends_with_connection():
            self.on_message_complete()
            self._deliver()
        elif not self._complete:
            message = "The backend closed the connection before it had answered."
            self.fail(UpstreamFailure("BackendConnectionFailure", message, untouched=not self._touched))

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # llhttp calls these.

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._response is None:
            text = value.decode("latin-1")
            if text[-1:] in (" ", "\t"):
                text = text.rstrip(" \t")
            self._headers.append((name.decode("latin-1").lower(), text))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._reason, self._headers = b"", []
            return
        if self._complete:
            raise UpstreamFailure("BackendConnectionFailure", "The backend sent two answers to one request.")
        self._keep_alive = self._parser.should_keep_alive()
        exchange = self._exchange
        reason = self._reason.decode("latin-1")
        self._response = ClientResponse(status, reason, self._headers, self._clock())
        if exchange is not None and exchange.on_head is not None and not exchange.response.done():
            exchange.on_head(self._response)

    def on_body(self, data: bytes) -> None:
        if self._stream is not None:
            self._stream.feed(data)
        else:
            self._parts.append(data)

    def on_message_complete(self) -> None:
        if self._response is None:
            return  # an interim answer such as 100 Continue
        self._complete = True
        if self._stream is not None:
            self._stream.finish()
        else:
            self._response.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    # The end of an exchange.

    def _deliver(self) -> None:
        """Deliver the response: with its whole body if complete, else with a body that streams."""
        response, exchange = self._response, self._exchange
        if response is None or exchange is None:
            return
        if not self._complete and exchange.method == "HEAD":
            self._complete = True  # llhttp waits for a body of the announced length, which HEAD does not have
            self.abort()
        if not self._complete and self._stream is None:
            self._stream = ResponseBody(self)
            response.body = self._stream
            for part in self._parts:
                self._stream.feed(part)
            self._parts = []
        if not exchange.response.done():
            exchange.response.set_result(response)
        if self._complete:
            self._finish()

    def _finish(self) -> None:
        """End the exchange. Keep the connection if the request was sent completely and both sides allow it."""
        exchange = self._exchange
        if exchange is None:
            return
        reusable = exchange.sent and not self._gone and self._keep_alive
        self._exchange = None
        if not exchange.sent and exchange.sender is not None:
            exchange.sender.cancel()
        self._reset()
        if reusable:
            self.used_at = self._clock()
            self._release(self)
        else:
            self.abort()

    def _ends_with_connection(self) -> bool:
        names = {name for name, _ in self._headers}
        return "content-length" not in names and "transfer-encoding" not in names
