"""A token endpoint for benchmarks: the same token for everybody, valid for an hour.

python -m tests.benchmarks.peers.tokens      prints {"port": n}; ends with standard input
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop

from provision.local.wire import Request, Response, Server


async def answer(request: Request) -> Response:
    body = json.dumps({"access_token": "x" * 900, "expires_on": int(time.time()) + 3600}).encode()
    return Response(200, [("content-type", "application/json")], body)


async def main() -> None:
    """Serve until standard input ends."""
    server = Server(answer)
    print(json.dumps({"port": await server.listen("127.0.0.1", 0)}), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    await server.close()


if __name__ == "__main__":
    uvloop.run(main())
