"""A small HTTP/1.1 load generator and a canned backend, cheap enough to leave the server under test the bottleneck.

Run as processes of their own, so that they can be pinned:

    python -m tests.benchmarks.http_load backend          prints {"port": n}; ends with standard input
    python -m tests.benchmarks.http_load load JSON        prints {"rate", "p50_ms", "p99_ms", "bad"}
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import Any, cast

import uvloop

ANSWER = json.dumps(
    {
        "id": "chatcmpl-0000000000000000000000000",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-35-turbo",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 60}},
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 60, "total_tokens": 80},
    }
).encode()
BODY = json.dumps({"messages": [{"role": "user", "content": "word " * 40}], "max_tokens": 60}).encode()


class Canned(asyncio.Protocol):
    """Answers every request alike; knows just enough HTTP to find a request's end."""

    reply = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-ms-region: East US\r\napim-request-id: 0\r\n"
        b"x-ratelimit-remaining-requests: 99\r\nx-ratelimit-remaining-tokens: 9999\r\ncontent-length: %d\r\n\r\n"
        % len(ANSWER)
    ) + ANSWER

    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            at = head.find(b"\r\ncontent-length: ")
            length = int(head[at + 18 :].split(b"\r", 1)[0]) if at >= 0 else 0
            if b"\r\ntransfer-encoding: chunked" in head:
                last = self._data.find(b"0\r\n\r\n", end)
                if last < 0:
                    return
                length = last + 5 - end - 4
            if len(self._data) < end + 4 + length:
                return
            self._data = self._data[end + 4 + length :]
            self._transport.write(self.reply)


class Caller(asyncio.Protocol):
    """One connection that sends the next request when the last is answered, until told to stop."""

    def __init__(self, request: bytes, latencies: list[float], bad: list[int], done: asyncio.Event) -> None:
        self._request, self._latencies, self._bad, self._done = request, latencies, bad, done
        self._data = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data
        if not _whole(self._data):
            return
        self._latencies.append(time.perf_counter() - self._sent)
        if not self._data.startswith(b"HTTP/1.1 200"):
            self._bad[0] += 1
        self._data = b""
        if not self._done.is_set():
            self.send()


def _whole(data: bytes) -> bool:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = data[:end].lower()
    at = head.find(b"content-length: ")
    if at >= 0:
        return len(data) >= end + 4 + int(head[at + 16 :].split(b"\r", 1)[0])
    return data.endswith(b"0\r\n\r\n")


def request_bytes(port: int, path: str, headers: dict[str, str]) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        "accept: application/json",
        "user-agent: AzureOpenAI/Python 1.0",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"content-length: {len(BODY)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + BODY


async def load(port: int, path: str, headers: dict[str, str], connections: int, seconds: float) -> dict[str, Any]:
    """Closed loop on `connections` connections for `seconds`, after a warm-up of a fifth of it."""
    loop = asyncio.get_running_loop()
    request = request_bytes(port, path, headers)
    latencies: list[float] = []
    bad, done = [0], asyncio.Event()
    callers = []
    for _ in range(connections):
        _, caller = await loop.create_connection(lambda: Caller(request, latencies, bad, done), "127.0.0.1", port)
        callers.append(caller)
    for caller in callers:
        caller.send()
    await asyncio.sleep(seconds / 5)
    latencies.clear()
    bad[0] = 0
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    took, count = time.perf_counter() - started, len(latencies)
    done.set()
    ordered = sorted(latencies[:count])
    return {
        "rate": count / took,
        "p50_ms": statistics.median(ordered) * 1000 if ordered else None,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000 if ordered else None,
        "bad": bad[0],
    }


async def backend() -> None:
    """Serve canned answers until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Canned, "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    server.close()


if __name__ == "__main__":
    if sys.argv[1] == "backend":
        uvloop.run(backend())
    else:
        print(json.dumps(uvloop.run(load(**json.loads(sys.argv[2])))))
