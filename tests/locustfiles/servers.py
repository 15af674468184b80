"""Servers for tests, in threads of the test's own process: a gateway that counts, and some that misbehave."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

COMPLETION = json.dumps(
    {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60},
    }
).encode()
TOKEN = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
STREAM = 2 * TOKEN + b"data: [DONE]\n\n"
BACKEND = b"x-tripcurve-backend: openaimock1.azurewebsites.net\r\n"

Behaviour = Callable[[socket.socket], None]


def answer(body: bytes = COMPLETION, status: bytes = b"200 OK", headers: bytes = BACKEND) -> bytes:
    """A whole HTTP/1.1 answer."""
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty when the client has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(behave: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that gives each connection to `behave`, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        try:
            with connection if context is None else context.wrap_socket(connection, server_side=True) as wrapped:
                behave(wrapped)
        except OSError:
            pass  # the client left, which in these tests it may

    def accept() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(20)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


class Gateway:
    """Answers every request well, and counts them. Throttles those that are to be throttled."""

    def __init__(self, wait_s: float = 0.0) -> None:
        self.served = 0
        self._wait_s = wait_s
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            if request.endswith(b"\r\n\r\n{}"):  # the try before a run is no part of it
                connection.sendall(answer())
                continue
            with self._lock:
                self.served += 1
            if self._wait_s:
                time.sleep(self._wait_s)
            throttled = b'"response_status_code":429' in request
            if throttled:
                connection.sendall(answer(status=b"429 Too Many Requests"))
            else:
                connection.sendall(answer(STREAM if b'"stream":true' in request else COMPLETION))


def once(data: bytes) -> Behaviour:
    """Sends these bytes for a request, then closes."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(data)

    return behave


def forever(data: bytes) -> Behaviour:
    """Sends these bytes for every request, and keeps the connection."""

    def behave(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(data)

    return behave


def dripping(data: bytes, gap_s: float) -> Behaviour:
    """Sends the bytes one by one."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        for number in range(len(data)):
            connection.sendall(data[number : number + 1])
            time.sleep(gap_s)

    return behave


def stalling(data: bytes, for_s: float = 3.0) -> Behaviour:
    """Sends the bytes, then nothing more for a while."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(data)
        time.sleep(for_s)

    return behave


def tokens(count: int, gap_s: float) -> Behaviour:
    """Streams a completion of so many tokens for every request, each so long after the one before."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n%b\r\n" % BACKEND

    def behave(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while request := read_request(connection):
            if request.endswith(b"\r\n\r\n{}"):  # the try before a run streams nothing
                connection.sendall(answer())
                continue
            connection.sendall(head + _chunk(TOKEN))
            for _ in range(count - 1):
                time.sleep(gap_s)
                connection.sendall(_chunk(TOKEN))
            connection.sendall(_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    return behave


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
