"""A user's HTTP client, with one connection made when needed, and the request deadlines of all clients."""

from __future__ import annotations

from time import monotonic_ns
from weakref import WeakSet

import gevent

from locustfiles.http.address import Address, ConnectFailed
from locustfiles.http.answer import Answer, Sink
from locustfiles.http.connection import Connection

__all__ = ["Client", "Deadlines"]


class Deadlines:
    """Ends overdue requests of all clients of a process: one periodic sweep is cheaper than a timer per request."""

    SWEEP_S = 0.05

    def __init__(self) -> None:
        self._clients: WeakSet[Client] = WeakSet()

    def watch(self, client: Client) -> None:
        """Watch the deadline of this client's requests."""
        self._clients.add(client)

    def run(self) -> None:
        """Check for overdue requests every `SWEEP_S` seconds until the greenlet that runs this is killed."""
        while True:
            gevent.sleep(self.SWEEP_S)
            now = monotonic_ns()
            for client in list(self._clients):
                client.expire(now)

    def cancel(self) -> None:
        """End every request under way with the error `Cancelled`."""
        for client in list(self._clients):
            client.give_up("Cancelled")


class Client:
    """Sends one request at a time to an address over a connection that it keeps open."""

    def __init__(self, address: Address, timeout_s: float, deadlines: Deadlines) -> None:
        self._address = address
        self._timeout_ns = int(timeout_s * 1e9)
        self._connection: Connection | None = None
        self._connecting: gevent.Greenlet | None = None
        deadlines.watch(self)

    def exchange(self, request: bytes, sink: Sink | None = None) -> Answer:
        """Send a prebuilt request; return its answer, which may have an `error`. Raises only if the greenlet is killed.

        The time limit starts at the first byte sent; connecting has a limit of its own, of the same length but at most
        10 s.
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
        """End the request under way if its deadline is `now` (monotonic ns) or earlier. Called by `Deadlines.run`."""
        connection = self._connection
        if connection is not None and connection.waiting and connection.deadline_ns <= now:
            self.give_up("Timeout")

    def give_up(self, error: str) -> None:
        """End the request under way, if any, with this error class in its answer."""
        gevent.get_hub().loop.run_callback(self.give_up_now, error)

    def give_up_now(self, error: str) -> None:
        """Do as `give_up` does, at once. Call it from the hub only."""
        if self._connecting is not None:
            self._connecting.throw(ConnectFailed(error))
        elif self._connection is not None:
            self._connection.give_up(error)

    def close(self) -> None:
        """Close the connection, if there is one. The next request opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
