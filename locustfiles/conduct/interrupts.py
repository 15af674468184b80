"""Holds interrupts back while a process starts another that must not miss them.

The started process inherits the hold: an interrupt that comes before it can handle one waits until it calls `release`.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["INTERRUPTS", "held_back", "release"]

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM at the end of the block, to the handlers that are set then.

    A started process inherits the mask. In this one the mask is not enough: it holds for one thread, and numpy, for
    example, has others, which get the signal instead. So the block has handlers of its own, which keep it.
    """
    came: list[int] = []

    def keep(signum: int, frame: FrameType | None) -> None:
        came.append(signum)

    handlers = {number: signal.signal(number, keep) for number in INTERRUPTS}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            if signal.getsignal(number) is keep:
                signal.signal(number, handler)
        for signum in came:
            signal.raise_signal(signum)


def release() -> None:
    """Deliver the interrupts that the process which started this one holds back, now that they are handled."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
