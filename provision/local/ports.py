"""Ports on loopback, held so that nobody else can take them between being chosen and being used."""

from __future__ import annotations

import errno
import socket

__all__ = ["HOST", "HeldPort", "PortInUse"]

HOST = "127.0.0.1"


class PortInUse(OSError):
    """Somebody else has this port; the message says which."""


class HeldPort:
    """A port that several processes of ours will share by SO_REUSEPORT.

    The socket is bound and never listens, so it gets no connections; it keeps the number ours.
    """

    def __init__(self, port: int = 0) -> None:
        if port:
            _check_free(port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Not SO_REUSEADDR: two sockets that both have it may be bound to one port while neither listens.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            raise _in_use(port, error) from None
        self.port: int = self._socket.getsockname()[1]

    def release(self) -> None:
        self._socket.close()


def _check_free(port: int) -> None:
    """Without SO_REUSEPORT: two local clouds would else share one port, each getting half the traffic."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise _in_use(port, error) from None


def _in_use(port: int, error: OSError) -> OSError:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(error.errno, f"port {port} on {HOST} is in use")
    return OSError(error.errno, f"port {port} on {HOST}: {error.strerror}")
