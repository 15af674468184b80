"""A user's HTTP client: one connection, made when needed, and the deadlines of all of them."""

from __future__ import annotations

from time import monotonic_ns
from weakref import WeakSet

import gevent

from locustfiles.http.address import Address, ConnectFailed
from locustfiles.http.answer import Answer, Sink
from locustfiles.http.connection import Connection

__all__ = ["Client", "Deadlines"]


class Deadlines:
    """Ends requests whose time is up, for all clients of a process: one sweep instead of a timer a request."""

    SWEEP_S = 0.05

    def __init__(self) -> None:
        self._clients: WeakSet[Client] = WeakSet()

    def watch(self, client: Client) -> None:
        self._clients.add(client)

    def run(self) -> None:
        """Sweep for ever; for a greenlet of its own."""
        while True:
            gevent.sleep(self.SWEEP_S)
            now = monotonic_ns()
            for client in list(self._clients):
                client.expire(now)

    def cancel(self) -> None:
        """End every request under way, each with a record of its own."""
        for client in list(self._clients):
            client.give_up("Cancelled")


class Client:
    """Sends one request at a time to an address over a connection that it keeps."""

    def __init__(self, address: Address, timeout_s: float, deadlines: Deadlines) -> None:
        self._address = address
        self._timeout_ns = int(timeout_s * 1e9)
        self._connection: Connection | None = None
        self._connecting: gevent.Greenlet | None = None
        deadlines.watch(self)

    def exchange(self, request: bytes, sink: Sink | None = None) -> Answer:
        """The answer to prebuilt bytes, or how it failed. Never raises but for the greenlet's own end.

        The time limit runs from the first byte sent, or for a new connection from its first packet.
        """
        connection = self._connection
        if connection is None or connection.closed:
            began = monotonic_ns()
            try:
                connection = self._connect()
            except ConnectFailed as failure:
                return Answer(began, failure.error, monotonic_ns())
        return connection.exchange(request, self._timeout_ns, sink)

    def _connect(self) -> Connection:
        self._connecting = gevent.getcurrent()
        try:
            self._connection = Connection(*self._address.connect(min(self._timeout_ns / 1e9, 10.0)))
        finally:
            self._connecting = None
        return self._connection

    def expire(self, now: int) -> None:
        """End the request under way when its time is up. Called by the sweep."""
        connection = self._connection
        if connection is not None and connection.waiting and connection.deadline_ns <= now:
            self.give_up("Timeout")

    def give_up(self, error: str) -> None:
        """End the request under way, if any: it is answered with this class of error."""
        gevent.get_hub().loop.run_callback(self._give_up, error)

    def _give_up(self, error: str) -> None:
        if self._connecting is not None:
            self._connecting.throw(ConnectFailed(error))
        elif self._connection is not None:
            self._connection.give_up(error)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
