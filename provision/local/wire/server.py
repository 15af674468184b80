"""An HTTP/1.1 server: llhttp parses, one task serves each request, answers leave in one write.

A handler is `async def handler(request: Request) -> Response`. It may raise `Refused` for an answer in
the wire's own words, and `Disconnect` to cut the connection. It is cancelled when the client leaves.

    server = Server(handler, Limits())
    port = await server.listen("127.0.0.1", 0, reuse_port=True)
    ...
    await server.close()

What llhttp takes and we do not is refused in `connection.py`; what both refuse never reaches the handler.
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
    """One listening port. `handler` answers requests; `limits` bounds what clients may do."""

    def __init__(
        self, handler: Handler, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.handler = handler
        self.limits = limits if limits is not None else Limits()
        self.clock = clock
        self.connections: set[Connection] = set()
        self.refused: dict[int, int] = {}
        """Requests refused by the wire itself, by status; the handler never saw them."""
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._date = (0, "")

    async def listen(
        self, host: str, port: int, *, reuse_port: bool = False, ssl_context: ssl.SSLContext | None = None
    ) -> int:
        """Start to accept connections. Returns the port (a free one for 0). Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self, loop), host, port, reuse_port=reuse_port, backlog=2048, ssl=ssl_context
        )
        self._sweep()
        return int(self._listener.sockets[0].getsockname()[1])

    async def close(self, grace_s: float = 0.0) -> None:
        """Stop to accept, give requests under way `grace_s` to finish, then cut every connection."""
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
        """The Date header's text, made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]

    def expire(self) -> None:
        """Act on every deadline that has passed by the clock."""
        now = self.clock()
        for connection in list(self.connections):
            connection.expire(now)

    def _sweep(self) -> None:
        """Look for deadlines: one timer for all connections is cheaper than one each."""
        self.expire()
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)
