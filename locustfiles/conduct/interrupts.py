"""Holds interrupts back while a process starts another that must not miss them.

The started process inherits the hold: an interrupt that comes before it can handle one waits until it calls `release`.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["INTERRUPTS", "held_back", "release"]

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM at the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def release() -> None:
    """Deliver the interrupts that the process which started this one holds back, now that they are handled."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
