"""A target that is well at first and then misbehaves, for whole runs."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable

from tests.locustfiles.servers import answer, read_request

__all__ = ["CHUNKED", "FAULTS", "LIES", "Misbehaving", "in_turn"]

Misbehaviour = Callable[[socket.socket], bool]
"""What the target does with a connection instead of answering. Returns whether the connection goes on."""
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIP = b"Content-Encoding: gzip\r\nx-tripcurve-backend: openaimock1.azurewebsites.net\r\n"


class Misbehaving:
    """Answers well until `turn` is called, or until so many requests were answered, and then misbehaves."""

    def __init__(self, fault: Misbehaviour, good: int | None = None) -> None:
        self._fault, self._good = fault, good
        self._answered = 0
        self._turned = False
        self._lock = threading.Lock()

    def turn(self) -> None:
        """Misbehave from now on."""
        self._turned = True

    def _is_well(self, request: bytes) -> bool:
        if request.endswith(b"\r\n\r\n{}"):  # the try before a run is no part of it
            return True
        with self._lock:
            self._answered += 1
            return not self._turned and (self._good is None or self._answered <= self._good)

    def __call__(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            if self._is_well(request):
                connection.sendall(answer())
            elif not self._fault(connection):
                return


def says(data: bytes, whole: bool = False) -> Misbehaviour:
    """Send the bytes, and close the connection unless they are a whole answer."""

    def fault(connection: socket.socket) -> bool:
        connection.sendall(data)
        return whole

    return fault


def in_turn(*faults: Misbehaviour) -> Misbehaviour:
    """One fault after another, over all connections."""
    turns = itertools.cycle(faults)
    return lambda connection: next(turns)(connection)


def hangs(connection: socket.socket) -> bool:
    time.sleep(4)
    return False


def resets(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def endless_headers(connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:  # until the client has had enough, which ends the thread by an OSError
        connection.sendall(b"X-More: %b\r\n" % (b"x" * 8000))


def endless_interim(connection: socket.socket) -> bool:
    while True:
        connection.sendall(b"HTTP/1.1 102 Processing\r\nX-More: yes\r\n\r\n" * 100)


LIES: dict[str, Misbehaviour] = {
    "no HTTP": says(b"220 mail.example ESMTP\r\n"),
    "headers without end": endless_headers,
    "interim answers without end": endless_interim,
    "a chunk's length is no number": says(CHUNKED + b"what\r\n"),
    "a body is cut short": says(answer()[:-5]),
    "HTML": says(answer(b"<html>It works!</html>"), True),
    "JSON that is no object": says(answer(b"[1, 2]"), True),
    "bytes that are no UTF-8": says(answer(b'{"a": "\xff\xfe"}'), True),
    "a gzip that is none": says(answer(b"\x1f\x8b\x08garbage", headers=GZIP), True),
}
"""Answers that are not what they say, by name."""
FAULTS: dict[str, Misbehaviour] = {"closes": says(b""), "hangs": hangs, "resets": resets, **LIES}
