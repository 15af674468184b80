"""How much is tried, and the limits that no input may exceed."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["EXAMPLES", "SECONDS", "bounded", "fuzzed", "limit_memory"]

EXAMPLES = int(os.environ.get("TRIPCURVE_FUZZ", "60"))
"""Examples for each test. Set TRIPCURVE_FUZZ=5000 for a long search."""
SECONDS = 5
MEMORY = 1024**3


class TookTooLong(Exception):
    """An input kept the processor busy for longer than SECONDS."""


def fuzzed(test: Callable[..., None]) -> Callable[..., None]:
    """Decorate a property of hypothesis: it tries EXAMPLES examples, each within SECONDS of processor time."""
    from hypothesis import HealthCheck, settings

    health = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
    return settings(max_examples=EXAMPLES, suppress_health_check=health)(test)


@contextmanager
def bounded() -> Iterator[None]:
    """Raise TookTooLong once the block has used SECONDS of processor time: a busy machine is not a hang."""

    def ring(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def limit_memory() -> None:
    """Let this process allocate MEMORY more than it holds now; a larger wish becomes a MemoryError."""
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[5]) * resource.getpagesize()  # data and stack
    resource.setrlimit(resource.RLIMIT_DATA, (held + MEMORY, held + MEMORY))
