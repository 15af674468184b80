"""Wakes the hub at an instant: exactly where the system can, else as exactly as gevent's timers.

libev waits in whole milliseconds, rounded up; half a millisecond late on average is most of what
an open-loop schedule may be off. Linux's timerfd takes nanoseconds and costs no more than a timer object.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

from gevent import get_hub

__all__ = ["Alarm", "make_alarm"]

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_READ = 1
_NS = 1_000_000_000


class Alarm(Protocol):
    """Calls back in the hub at the instant it is set for; it holds one instant at a time."""

    def set(self, at_ns: int) -> None:
        """Ring at this monotonic ns; at once when it has passed."""

    def close(self) -> None:
        """Ring no more."""


def make_alarm(ring: Callable[[], None]) -> Alarm:
    """The most exact alarm this system has."""
    return _TimerFd(ring) if sys.platform == "linux" else _HubTimer(ring)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class _TimerFd:
    """Never read: setting it anew clears that it has rung, and the hub polls by level."""

    def __init__(self, ring: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._settime = libc.timerfd_settime
        self._spec = _TimerSpec()
        self._value = self._spec.value
        self._by_reference = ctypes.byref(self._spec)
        self._watcher = get_hub().loop.io(self._fd, _READ)
        self._watcher.start(self._rung)
        self._ring = ring

    def _rung(self) -> None:
        self._value.seconds = self._value.nanoseconds = 0
        self._settime(self._fd, 0, self._by_reference, None)
        self._ring()

    def set(self, at_ns: int) -> None:
        self._value.seconds, self._value.nanoseconds = divmod(max(at_ns, 1), _NS)
        self._settime(self._fd, _ABSOLUTE, self._by_reference, None)

    def close(self) -> None:
        if self._fd >= 0:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
            self._fd = -1


class _HubTimer:
    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop = get_hub().loop
        self._timer = self._loop.timer(0)
        self._ring = ring

    def set(self, at_ns: int) -> None:
        self.close()
        self._timer = self._loop.timer(max(at_ns - monotonic_ns(), 0) / _NS)
        self._timer.start(self._ring, update=True)

    def close(self) -> None:
        self._timer.stop()
        self._timer.close()
