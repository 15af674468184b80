"""The client, and raw servers as its backends, which behave as no library would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from provision.local.wire.calls import ClientResponse, Endpoint, UpstreamCall
from provision.local.wire.client import Client

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def backend(script: Script) -> AsyncIterator[tuple[Client, Endpoint]]:
    """A client, and a server that runs `script` for each connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = Client()
    try:
        yield client, Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        await client.close()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def open_connections(client: Client) -> int:
    """Connections at this moment, idle ones included."""
    return len(client._open)


def get(
    endpoint: Endpoint,
    method: str = "GET",
    timeout_s: float = 3.0,
    on_head: Callable[[ClientResponse], None] | None = None,
) -> UpstreamCall:
    return UpstreamCall(endpoint, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", method, timeout_s=timeout_s, on_head=on_head)


def post(endpoint: Endpoint, body: bytes = b"abc") -> UpstreamCall:
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body)
    return UpstreamCall(endpoint, head, "POST", body, timeout_s=3.0)


async def whole(response: ClientResponse) -> bytes:
    return response.body if isinstance(response.body, bytes) else b"".join([part async for part in response.body])


def always(reply: bytes, close: bool = False) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            await writer.drain()
            if close:
                return

    return script
