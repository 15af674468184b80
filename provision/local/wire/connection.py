"""One client's connection: parses requests, passes them to the handler one at a time, and sends the answers."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, cast

from provision.local.wire.limits import Limits
from provision.local.wire.messages import Disconnect, Refused, Request, Response, head_bytes, reason_of
from provision.local.wire.parsing import RequestParser

__all__ = ["Connection", "Handler"]

_logger = logging.getLogger(__name__)
_BODILESS = frozenset({204, 205, 304})


Handler = Callable[[Request], Awaitable[Response]]


class ServerState(Protocol):
    """The part of the server that its connections use."""

    handler: Handler
    limits: Limits
    clock: Callable[[], float]
    connections: set[Connection]
    refused: dict[int, int]

    def date(self) -> str:
        """Return the text of the Date header."""
        ...


class Connection(asyncio.Protocol):
    """Serves requests in order, and reads pipelined requests ahead up to the limit."""

    def __init__(self, server: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self._server, self._loop = server, loop
        self._parser = RequestParser(
            server.limits, server.clock, self._pause_reading, self._resume_reading, self._continue
        )
        self._waiting: deque[Request] = deque()
        self._refusal: Refused | None = None
        self.task: asyncio.Task[None] | None = None
        """The task that serves the request under way; None between requests."""
        self._writable: asyncio.Future[None] | None = None
        self._reading_paused = 0
        self._closing = False
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.deadline: float | None = None
        self._deadline_kind = "idle"

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._parser.peer = peer[0] if peer else ""
        connections = self._server.connections
        connections.add(self)
        if len(connections) > self._server.limits.connections:
            self._refuse(Refused(503, "Too many connections."))
            return
        self._expect("idle", self._server.limits.idle_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._closing = True
        self.deadline = None
        self._parser.lost()
        self._waiting.clear()
        self._refusal = None
        if self._writable is not None and not self._writable.done():
            self._writable.cancel()
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._closing or self._refusal is not None:
            return
        try:
            self._waiting.extend(self._parser.feed(data))
        except Refused as refusal:
            self._waiting.extend(self._parser.finished())
            self._refusal = refusal
        if self.task is None:
            self._next()
        elif len(self._waiting) >= self._server.limits.pipelined and not self._parser.pipeline_paused:
            self._pause_reading()
            self._parser.pipeline_paused = True
        if self.task is None or self._parser.receiving:
            self._expect_input()

    def eof_received(self) -> bool:
        """Close the connection when the client closes its half. Half-open clients are not supported."""
        return False

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()
        self._expect("write", self._server.limits.write_timeout_s)

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None
        self._expect_input()

    # The server calls these.

    def abort(self) -> None:
        """Close the connection at once, without sending what is buffered."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def expire(self, now: float) -> None:
        """Act on a deadline that has passed: answer 408 to a slow request, else close. `now`: the server's clock."""
        if self.deadline is None or now < self.deadline:
            return
        if self._deadline_kind == "body" and self._reading_paused:  # this side has paused reading
            self.deadline = now + self._server.limits.body_timeout_s
            return
        if self._deadline_kind in ("head", "body") and not self._closing:
            if self.task is not None:
                self._parser.fail(Refused(408, "The request did not arrive in time."))
                self.deadline = None
            else:
                self._refuse(Refused(408, "The request did not arrive in time."))
        elif self._deadline_kind in ("write", "linger"):
            self.abort()
        else:
            self._transport.close()

    # Reading.

    def _expect(self, kind: str, seconds: float) -> None:
        self._deadline_kind = kind
        self.deadline = self._server.clock() + seconds

    def _expect_input(self) -> None:
        """Set the deadline for the client's next bytes; there is none while only the handler is awaited."""
        limits = self._server.limits
        if self._closing or self._writable is not None:
            return
        if self._parser.in_body:
            self._expect("body", limits.body_timeout_s)
        elif self._parser.in_head:
            if self._deadline_kind != "head" or self.deadline is None:
                self._expect("head", limits.head_timeout_s)
        elif self.task is None:
            self._expect("idle", limits.idle_timeout_s)
        else:
            self.deadline = None

    def _pause_reading(self) -> None:
        self._reading_paused += 1
        if self._reading_paused == 1 and not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        self._reading_paused -= 1
        if self._reading_paused == 0 and not self._transport.is_closing():
            self._transport.resume_reading()

    def _continue(self) -> None:
        if not self._closing:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # Serving.

    def _next(self) -> None:
        """Serve the next request, or send the refusal that followed the last valid one."""
        if self._closing:
            return
        if self._waiting:
            request = self._waiting.popleft()
            self.deadline = None
            self.task = self._loop.create_task(self._serve(request))
            if self._parser.pipeline_paused and len(self._waiting) < self._server.limits.pipelined // 2:
                self._parser.pipeline_paused = False
                self._resume_reading()
        elif self._refusal is not None:
            self._refuse(self._refusal)

    async def _serve(self, request: Request) -> None:
        try:
            await self._answer(request, await self._server.handler(request))
        except Disconnect:
            self.abort()
        except Refused as refusal:
            self._refuse(refusal, counted=False)  # the handler got this request
        except (ConnectionError, asyncio.CancelledError):
            self.abort()
        except Exception:
            _logger.exception("the handler failed")
            self._refuse(Refused(500, "Internal server error"), counted=False)
        self.task = None
        if not self._closing:
            self._next()
            self._expect_input()

    async def _answer(self, request: Request, response: Response) -> None:
        keep = request.keep_alive and not _unread(request)
        body = response.body
        if isinstance(body, bytes):
            framing = None if response.status == 204 else ("content-length", str(len(body)))
            head = self._head(request, response, framing, keep)
            if request.method == "HEAD" or response.status in _BODILESS:
                body = b""
            if self._closing:
                return
            self._transport.write(head + body if body else head)
            if self._writable is not None:
                await self._writable
        else:
            await self._stream(request, response, body, keep)
        if not keep:
            self._finish()

    async def _stream(self, request: Request, response: Response, body: AsyncIterator[bytes], keep: bool) -> None:
        """Send a body piece by piece. If it fails, abort the connection, so that the client sees it is incomplete."""
        sized = any(name.lower() == "content-length" for name, _ in response.headers)
        chunked = not sized and request.version != "1.0"
        keep = keep and (sized or chunked)
        framing = ("transfer-encoding", "chunked") if chunked else None
        try:
            if not self._closing:
                self._transport.write(self._head(request, response, framing, keep))
            if request.method != "HEAD" and response.status not in _BODILESS:
                await self._pump(body, chunked)
        except (Disconnect, ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            _logger.debug("a streamed response broke off: %r", error)
            raise Disconnect from error
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()
        if not keep:
            self._finish()

    async def _pump(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        async for part in body:
            if not part:
                continue
            if self._closing:
                raise ConnectionResetError("the client left")
            self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if self._writable is not None:
                await self._writable
        if chunked and not self._closing:
            self._transport.write(b"0\r\n\r\n")

    def _head(self, request: Request, response: Response, framing: tuple[str, str] | None, keep: bool) -> bytes:
        reason = response.reason if response.reason is not None else reason_of(response.status)
        headers = list(response.headers)
        names = {name.lower() for name, _ in headers}
        if framing is not None and framing[0] not in names:
            headers.append(framing)
        if "date" not in names:
            headers.append(("date", self._server.date()))
        if not keep:
            headers.append(("connection", "close"))
        elif request.version == "1.0":
            headers.append(("connection", "keep-alive"))
        return head_bytes(f"HTTP/1.1 {response.status} {reason}", headers)

    def _refuse(self, refusal: Refused, counted: bool = True) -> None:
        """Send a refusal and close. For `linger_s` seconds, bytes that still arrive are discarded first."""
        if self._closing:
            return
        if counted:
            self._server.refused[refusal.status] = self._server.refused.get(refusal.status, 0) + 1
        body = b'{ "statusCode": %d, "message": "%b" }' % (refusal.status, refusal.message.encode())
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("date", self._server.date()),
            ("connection", "close"),
        ]
        first = f"HTTP/1.1 {refusal.status} {reason_of(refusal.status)}"
        self._transport.write(head_bytes(first, headers) + body)
        self._finish()

    def _finish(self) -> None:
        """Close the sending half and wait for the client to close: closing both at once could reset the answer."""
        self._closing = True
        if self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._expect("linger", self._server.limits.linger_s)
        else:
            self._transport.close()


def _unread(request: Request) -> bool:
    return not isinstance(request.body, bytes) and not request.body.complete
