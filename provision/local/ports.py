"""Loopback ports that are bound when they are chosen, so that no other program takes them before they are used."""

from __future__ import annotations

import errno
import socket

__all__ = ["HOST", "HeldPort", "PortInUse", "free_port"]

HOST = "127.0.0.1"


class PortInUse(OSError):
    """Another program uses the port that the message names."""


class HeldPort:
    """A port that several of our processes will share with SO_REUSEPORT. 0 takes any free port.

    The socket is bound but never listens: it gets no connections, and no other program can take the port. Raises
    PortInUse if another program has it, OSError if it cannot be bound.
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


def free_port(port: int = 0) -> int:
    """Return a port for a program that cannot share one with us: the given one, or any free one for 0.

    Raises PortInUse if another program has it, OSError if it cannot be bound.
    """
    held = HeldPort(port)
    held.release()
    return held.port


def _check_free(port: int) -> None:
    """Bind without SO_REUSEPORT first, because two local clouds could otherwise share one port and its traffic."""
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
