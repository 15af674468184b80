"""The files that a unit writes: breaker events within milliseconds, request lines within a fifth of a second."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

import orjson

__all__ = ["EventLog", "LineFile", "RequestLog"]

_EVENT_DELAY_S = 0.002

_FLUSH_S = 0.2
_FLUSH_LINES = 4096
_LIMIT = 1024**3
_logger = logging.getLogger(__name__)


class LineFile:
    """A JSON Lines file to which several processes append. Each batch is one write, so lines never mix."""

    def __init__(self, path: str | None) -> None:
        """Open the file. `path` None: write nothing. Raises OSError if it cannot be opened."""
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, *records: object) -> int:
        """Append records, one per line, and return the number of bytes written. Raises OSError if the disk does not
        take them.
        """
        if self._file is None or not records:
            return 0
        data = b"".join(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
        size = len(data)
        while data:
            data = data[os.write(self._file, data) :]
        return size

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class EventLog:
    """Breaker events, each written shortly after it happened.

    Not at once: a trip happens while an answer is being received, and the policy that measures the gateway's wait for
    the backend runs next. A slow disk would be part of that wait, and the client would date the trip too late.
    """

    def __init__(self, path: str | None) -> None:
        self._file = LineFile(path)
        self._waiting: list[Callable[[], dict[str, object]]] = []

    def add(self, record: Callable[[], dict[str, object]]) -> None:
        """Write what `record` returns, after the callback and the tasks that are now due have run."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(_EVENT_DELAY_S, self.flush)
        self._waiting.append(record)

    def flush(self) -> None:
        """Write the events that are waiting. Raises OSError if the disk does not take them."""
        waiting, self._waiting = self._waiting, []
        self._file.write(*(record() for record in waiting))

    def close(self) -> None:
        self.flush()
        self._file.close()


class RequestLog:
    """One line per client request and one per attempt, written in batches.

    Stops at `limit` bytes with a last line that says so, because a long load must not fill the disk.
    """

    def __init__(self, path: str | None, limit: int = _LIMIT) -> None:
        self._file = LineFile(path)
        self.enabled = path is not None
        self._left = limit
        self._waiting: list[dict[str, object]] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, record: dict[str, object]) -> None:
        if not self.enabled:
            return
        self._waiting.append(record)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)
        elif len(self._waiting) >= _FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the lines that are waiting. Raises OSError if the disk does not take them."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        self._left -= self._file.write(*waiting)
        if self.enabled and self._left <= 0:
            self.enabled = False
            self._file.write({"Type": "LogFull", "Message": "The request log of this unit has reached its limit."})
            _logger.warning("the request log has reached its limit; requests are counted but no longer written down")

    def close(self) -> None:
        self.flush()
        self._file.close()
