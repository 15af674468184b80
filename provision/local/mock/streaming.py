"""Send an answer frame by frame at a given pace, and stop halfway if a simulation asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from provision.local.mock.answers.job import Stream
from provision.local.wire.messages import Disconnect

__all__ = ["halved", "paced"]

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[object]]

BATCH = 256
"""Most frames made at once, so that an answer of 100,000 tokens is never wholly in memory."""
FLUSH_S = 0.005
"""Seconds to wait before a connection is closed, so that the bytes already written are sent."""


async def paced(
    stream: Stream, chunk_s: float, clock: Clock, sleep: Sleep, *, cut: bool = False
) -> AsyncIterator[bytes]:
    """Yield the stream's bytes, frame `i` at `i × chunk_s` after the first; frames that are due together are joined.

    `chunk_s` is in seconds. With `cut`, raises Disconnect after half of the frames. The stream may be closed between
    two frames, when its client has left.
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
    """Return how many frames are due, of which the first is due at once."""
    if chunk_s <= 0:
        return count
    return min(count, int(elapsed_s / chunk_s + 1e-6) + 1)


async def halved(body: bytes, sleep: Sleep) -> AsyncIterator[bytes]:
    """Yield the first half of a body, then raise Disconnect."""
    if body:
        yield body[: len(body) // 2]
    await sleep(FLUSH_S)
    raise Disconnect
