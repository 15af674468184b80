"""A message body that is still arriving."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["BodyStream"]


class BodyStream:
    """The pieces of a body as they arrive: an async iterator for one reader, fed by one connection.

    `pause` is called when more than `high` bytes wait, and `resume` after they are read. `on_first_read` is called when
    the reader asks for the first piece (to send 100 Continue); None: nothing is called.
    """

    __slots__ = (
        "_eof", "_error", "_high", "_on_first_read", "_parts", "_pause", "_paused", "_resume", "_size", "_waiter"
    )  # fmt: skip

    def __init__(
        self,
        pause: Callable[[], None],
        resume: Callable[[], None],
        high: int,
        on_first_read: Callable[[], None] | None = None,
    ) -> None:
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._high = high
        self._eof = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._pause, self._resume, self._paused = pause, resume, False
        self._on_first_read = on_first_read

    @property
    def complete(self) -> bool:
        """Whether the last byte has arrived, read or not."""
        return self._eof

    @property
    def paused(self) -> bool:
        """Whether the sender is paused because the reader is too slow."""
        return self._paused

    def feed(self, data: bytes) -> None:
        """Add a piece."""
        if self._eof or self._error is not None or not data:
            return
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._high and not self._paused:
            self._paused = True
            self._pause()
        self._wake()

    def finish(self) -> None:
        """Mark the body as complete."""
        self._eof = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """End a body that broke off: the reader still gets the pieces that arrived, then `error` is raised."""
        if not self._eof:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> BodyStream:
        return self

    async def __anext__(self) -> bytes:
        if self._on_first_read is not None:
            asked, self._on_first_read = self._on_first_read, None
            asked()
        while not self._parts:
            await self._more()
        return self._take()

    async def _more(self) -> None:
        if self._error is not None:
            # Raise it once and drop it: its traceback refers to this frame, so keeping it would make a reference cycle.
            error, self._error = self._error, ConnectionResetError("the body broke off before")
            try:
                raise error
            finally:
                del error
        if self._eof:
            raise StopAsyncIteration
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _take(self) -> bytes:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._resume()
        return data
