"""The results of a request and of an SDK call. A failed request is a result to record, so it raises nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Answer", "CallResult", "Sink"]

Sink = Callable[[bytes, int], None]
"""Called with each piece of a body and the monotonic ns at which it arrived."""


class Answer:
    """One answer, complete or not.

    `status` 0: no status line came. `error` None: the answer is complete; otherwise a short class such as
    `ConnectionRefused`. `start_ns` and `end_ns` are monotonic. `streamed`: the number of bytes passed to a sink.
    """

    __slots__ = ("body", "end_ns", "error", "headers", "start_ns", "status", "streamed")

    def __init__(self, start_ns: int, error: str | None = None, end_ns: int = 0) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.streamed = 0
        self.error = error
        self.start_ns = start_ns
        self.end_ns = end_ns

    @property
    def latency_ns(self) -> int:
        """From the start of the request to the end of the answer, ns."""
        return self.end_ns - self.start_ns


class CallResult(NamedTuple):
    """How one SDK call ended for its caller, after all retries. Times are monotonic ns.

    `failure`: the error that the caller got; None: the caller got a completion.
    """

    user: str
    failure: str | None
    start_ns: int
    end_ns: int
