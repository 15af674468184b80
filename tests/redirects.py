"""A gateway that redirects elsewhere, and the place that it redirects to, which keeps all that arrives."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.locustfiles.servers import Behaviour, answer, read_request, serving

__all__ = ["redirecting"]

STATUSES = (b"301 Moved Permanently", b"302 Found", b"307 Temporary Redirect", b"308 Permanent Redirect")


@contextmanager
def redirecting() -> Iterator[tuple[int, list[bytes]]]:
    """The gateway's port, and the requests that arrived elsewhere. Each kind of redirect takes its turn."""
    caught: list[bytes] = []

    def elsewhere(connection: socket.socket) -> None:
        while request := connection.recv(65_536):  # a redirected POST can come as a GET, without a body
            caught.append(request)
            connection.sendall(answer())

    with serving(elsewhere) as port, serving(_redirect(port)) as gateway:
        yield gateway, caught


def _redirect(port: int) -> Behaviour:
    turn = iter(STATUSES * 10_000)

    def behave(connection: socket.socket) -> None:
        while read_request(connection):
            location = b"Location: http://localhost:%d/openai\r\n" % port
            connection.sendall(answer(b"", next(turn), location))

    return behave
