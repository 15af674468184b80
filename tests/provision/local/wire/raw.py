"""Raw bytes over real sockets: what a client library would never send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from provision.local.wire import Handler, Limits, Request, Response, Server


class Recorder:
    """A handler that notes what reached it and answers with the body's length."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []

    async def __call__(self, request: Request) -> Response:
        body = await request.read(1 << 24)
        self.seen.append((request.method, request.target, body))
        return Response(200, [("content-type", "text/plain")], b"%d" % len(body))


@asynccontextmanager
async def serving(handler: Handler, limits: Limits | None = None) -> AsyncIterator[tuple[Server, int]]:
    server = Server(handler, limits)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.close()


async def exchange(port: int, *pieces: bytes, wait_s: float = 3.0) -> bytes:
    """Send pieces, one write each, and read until the server closes (or has been silent for a while)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    try:
        return await asyncio.wait_for(reader.read(), wait_s)
    finally:
        writer.close()


async def settle() -> None:
    """Let both ends, which share this event loop, do everything that is ready; no time has to pass for it."""
    for _ in range(100):
        await asyncio.sleep(0)


async def answers(reader: asyncio.StreamReader, count: int) -> list[tuple[int, bytes]]:
    """The next `count` answers with a Content-Length, as (status, body)."""
    found = []
    for _ in range(count):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
        status = int(head.split(b" ", 2)[1])
        at = head.lower().find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r", 1)[0]) if at >= 0 else 0
        found.append((status, await reader.readexactly(length)))
    return found
