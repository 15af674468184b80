"""The parent process as a child sees it: lines to read on standard input, and answers to write on standard output.

`supervisor` is the other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping

import orjson

__all__ = ["lines_from_parent", "tell_parent"]


async def lines_from_parent(longest: int) -> asyncio.StreamReader:
    """Return standard input as a stream of lines of at most `longest` bytes. It ends when the parent does."""
    reader = asyncio.StreamReader(limit=longest)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def tell_parent(document: Mapping[str, object]) -> None:
    """Write one line of JSON. If the parent has gone, the end of standard input will show it."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
        sys.stdout.buffer.flush()
