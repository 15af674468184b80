"""A sign of life for a container's health check: a file that is touched as long as greenlets of this process run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import gevent

__all__ = ["VARIABLE", "beat", "start_heartbeat"]

VARIABLE = "TRIPCURVE_HEARTBEAT"
EVERY_S = 5.0


def start_heartbeat(environ: Mapping[str, str]) -> None:
    """Touch the file that the environment variable names, from now on. Without the variable, do nothing."""
    if path := environ.get(VARIABLE):
        gevent.spawn(beat, Path(path))


def beat(path: Path, sleep: Callable[[float], object] = gevent.sleep) -> None:
    """Touch a file every EVERY_S seconds. One that cannot be touched is tried again: only the health check needs it."""
    while True:
        with suppress(OSError):
            path.touch()
        sleep(EVERY_S)
