"""One keep-alive HTTP/1.1 connection on gevent's hub: the hot path.

The read watcher stays registered for the connection's life, so a request costs one send, one greenlet switch and one
receive, with no epoll change and no timeout object. The hub's callback parses the bytes and wakes the user's greenlet
once, when the answer is complete.
"""

from __future__ import annotations

import socket
import ssl
from time import monotonic_ns

import gevent
from gevent import get_hub, getcurrent
from httptools import HttpParserError, HttpResponseParser

from locustfiles.http.address import Pipe
from locustfiles.http.answer import Answer, Sink

__all__ = ["Connection"]

READ, WRITE = 1, 2
LARGEST_HEAD = 65_536
LARGEST_BODY = 64 * 1024 * 1024
RECEIVE = 65_536


class Connection:
    """A connection for one request at a time. `closed` becomes true when it cannot carry another request."""

    def __init__(self, sock: socket.socket, pipe: Pipe | None) -> None:
        self._sock = sock
        self._pipe = pipe
        self._hub = get_hub()
        self._parser = HttpResponseParser(self)
        self._waiter: gevent.Greenlet | None = None
        self._answer = Answer(0)
        self._sink: Sink | None = None
        self._reset()
        self.closed = False
        self.deadline_ns = 0
        self._watcher = self._hub.loop.io(sock.fileno(), READ)
        self._watcher.start(self._readable)

    def _reset(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._headed = False
        self._done = False
        self._kept = False

    @property
    def waiting(self) -> bool:
        """Whether a request is under way."""
        return self._waiter is not None

    def exchange(self, request: bytes, timeout_ns: int, sink: Sink | None = None) -> Answer:
        """Send a prebuilt request and return its answer, complete or with an `error`. Blocks only the calling greenlet.

        With a sink, a 2xx body is passed to it piece by piece and not kept. Raises only if the greenlet is killed.
        """
        self._waiter = getcurrent()
        self._sink = sink
        self._reset()
        answer = self._answer = Answer(monotonic_ns())
        self.deadline_ns = answer.start_ns + timeout_ns
        try:
            if self._send(request):
                self._hub.switch()
        finally:
            if self._waiter is not None:  # killed while waiting: nobody is left to take the answer
                self._finish(monotonic_ns(), "Cancelled", wake=False)
        return answer

    def _send(self, request: bytes) -> bool:
        """Send the request. Return whether to wait for its answer: not if sending failed or the answer has come."""
        data = request if self._pipe is None else self._pipe.encrypt(request)
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._finish(monotonic_ns(), "ConnectionReset", wake=False)
            return False
        if sent < len(data):
            return self._send_rest(memoryview(data)[sent:])
        return True

    def _send_rest(self, rest: memoryview) -> bool:
        """Send the part of a long request that did not fit into the socket's buffer. The answer may come meanwhile."""
        watcher = self._hub.loop.io(self._sock.fileno(), WRITE)
        try:
            while rest and not self._done:
                watcher.start(self._waiter.switch)  # type: ignore[union-attr]  # not done: we are waiting
                self._hub.switch()
                watcher.stop()
                if not self._done:
                    rest = rest[self._sock.send(rest) :]
        except OSError:
            self._finish(monotonic_ns(), "ConnectionReset", wake=False)
        finally:
            watcher.stop()
            watcher.close()
        return not self._done

    def _readable(self) -> None:
        try:
            data = self._sock.recv(RECEIVE)
            now = monotonic_ns()
            if data and self._pipe is not None:
                data = self._pipe.decrypt(data)
                if not data:
                    return
        except BlockingIOError:
            return
        except ssl.SSLError:
            self._finish(monotonic_ns(), "TlsFailure")
            return
        except OSError:
            self._finish(monotonic_ns(), "ConnectionReset")
            return
        if not data:
            self._ended(now)
            return
        if self._waiter is None:
            self.close()  # data without a request: it could be mistaken for the next answer
            return
        self._feed(data, now)

    def _feed(self, data: bytes, now: int) -> None:
        self._now = now
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, ssl.SSLError):
            if not self._done:
                self._finish(now, "BadResponse")
                return
            self.close()  # the answer is complete, but bytes follow it: keep the answer, close the connection
        if self._done:
            self._finish(now, None)
            return
        if not self._headed and self._size > LARGEST_HEAD:
            self._finish(now, "HeadersTooLarge")
            return
        if self._size > LARGEST_BODY and self._sink is None:
            self._finish(now, "BodyTooLarge")

    def _ended(self, now: int) -> None:
        """The peer closed its side."""
        if self._waiter is None:
            self.close()
            return
        if self._headed and self._until_end():
            self.close()
            self._finish(now, None)
            return
        self._finish(now, "IncompleteBody" if self._headed else "ConnectionClosed")

    def _until_end(self) -> bool:
        headers = self._answer.headers
        return b"content-length" not in headers and b"chunked" not in headers.get(b"transfer-encoding", b"").lower()

    # The parser calls the four methods below.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._answer.headers.clear()
            return
        self._answer.status = status
        self._headed = True
        if status >= 300:
            self._sink = None

    def on_body(self, data: bytes) -> None:
        if self._sink is None:
            self._parts.append(data)
        else:
            self._answer.streamed += len(data)
            self._sink(data, self._now)

    def on_message_complete(self) -> None:
        if self._headed:
            self._done = True
            self._kept = self._parser.should_keep_alive()  # the parser answers this only during this callback

    def _finish(self, now: int, error: str | None, wake: bool = True) -> None:
        """Complete the answer and, with `wake`, switch to the greenlet that waits for it."""
        waiter, self._waiter = self._waiter, None
        answer = self._answer
        answer.end_ns = now
        answer.error = error
        answer.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._done = True
        if error is not None or not self._kept:
            self.close()
        if wake and waiter is not None:
            waiter.switch()

    def give_up(self, error: str) -> None:
        """End the request under way, if any, with this error class. Call it from the hub only."""
        if self._waiter is not None:
            self._finish(monotonic_ns(), error)

    def close(self) -> None:
        """Close the socket. Further calls do nothing."""
        if self.closed:
            return
        self.closed = True
        self._watcher.stop()
        self._watcher.close()
        self._sock.close()
        del self._parser  # it refers back to this object
