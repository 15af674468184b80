"""An HTTP/1.1 server: llhttp parses requests, one task serves each, and an answer is sent in one write.

A handler is `async def handler(request: Request) -> Response`. It may raise `Refused` for a plain error answer, and
`Disconnect` to close the connection. It is cancelled when the client disconnects.

    server = Server(handler, Limits())
    port = await server.listen("127.0.0.1", 0, reuse_port=True)
    ...
    await server.close()

Requests that are not valid HTTP, or that `parsing.py` refuses, never reach the handler.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate

from provision.local.wire.connection import Connection, Handler
from provision.local.wire.limits import Limits

__all__ = ["Handler", "Server"]

_SWEEP_S = 0.25


class Server:
    """One listening port. `limits` None: the defaults. `clock` returns monotonic seconds."""

    def __init__(
        self, handler: Handler, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.handler = handler
        self.limits = limits if limits is not None else Limits()
        self.clock = clock
        self.connections: set[Connection] = set()
        self.refused: dict[int, int] = {}
        """Numbers of requests that the server refused before they reached the handler, by status."""
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._date = (0, "")

    async def listen(
        self, host: str, port: int, *, reuse_port: bool = False, ssl_context: ssl.SSLContext | None = None
    ) -> int:
        """Start accepting connections. Returns the port (a free one for 0). Raises OSError if the port is in use."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self, loop), host, port, reuse_port=reuse_port, backlog=2048, ssl=ssl_context
        )
        self._sweep()
        return int(self._listener.sockets[0].getsockname()[1])

    async def close(self, grace_s: float = 0.0) -> None:
        """Stop accepting connections, give requests under way `grace_s` seconds, then close every connection."""
        if self._listener is None:
            return
        self._listener.close()
        under_way = [connection.task for connection in self.connections if connection.task is not None]
        if under_way and grace_s > 0:
            await asyncio.wait(under_way, timeout=grace_s)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)
        self._listener = None

    def date(self) -> str:
        """Return the value of the Date header, which is made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]

    def expire(self) -> None:
        """Act on every connection's deadline that has passed."""
        now = self.clock()
        for connection in list(self.connections):
            connection.expire(now)

    def _sweep(self) -> None:
        """Check deadlines repeatedly: one timer for all connections is cheaper than one for each."""
        self.expire()
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)
