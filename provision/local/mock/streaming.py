"""Sends an answer piece by piece at a given pace, and breaks it off when a simulation wants that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from provision.local.mock.answers.job import Stream
from provision.local.wire.messages import Disconnect

__all__ = ["halved", "paced"]

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[object]]

BATCH = 256
"""Most frames made at once: an answer of 100,000 tokens is never in memory as a whole."""
FLUSH_S = 0.005
"""Before a connection is cut, so that what was written does leave the machine."""


async def paced(
    stream: Stream, chunk_s: float, clock: Clock, sleep: Sleep, *, cut: bool = False
) -> AsyncIterator[bytes]:
    """The stream's bytes, frame `i` at `i × chunk_s` after the first; frames that are due together leave together.

    `cut` ends it after half of the frames with Disconnect. A client that leaves ends it between two frames.
    """
    began, sent = clock(), 0
    count = stream.count // 2 if cut else stream.count
    pending = stream.head
    while sent < count:
        due = _due(clock() - began, chunk_s, count)
        if due <= sent:
            await sleep(began + sent * chunk_s - clock())
            continue
        due = min(due, sent + BATCH)
        yield pending + b"".join([stream.piece(number) for number in range(sent, due)])
        pending, sent = b"", due
    if cut:
        if pending:
            yield pending
        await sleep(FLUSH_S)
        raise Disconnect
    yield pending + stream.tail


def _due(elapsed_s: float, chunk_s: float, count: int) -> int:
    """Frames whose time has come: the first at once."""
    if chunk_s <= 0:
        return count
    return min(count, int(elapsed_s / chunk_s + 1e-6) + 1)


async def halved(body: bytes, sleep: Sleep) -> AsyncIterator[bytes]:
    """Half of a body, then Disconnect."""
    if body:
        yield body[: len(body) // 2]
    await sleep(FLUSH_S)
    raise Disconnect
