"""Calls a function in the hub at an instant: with nanosecond timers on Linux, elsewhere with gevent's timers.

libev waits in whole milliseconds, rounded up. Being half a millisecond late on average would be most of the lateness of
an open-loop schedule. Linux's timerfd takes nanoseconds and costs no more than a timer object.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

from gevent import get_hub

__all__ = ["Alarm", "make_alarm"]

_ABSOLUTE = 1
_READ = 1
_NS = 1_000_000_000


class Alarm(Protocol):
    """Calls a function in the hub at one instant. Setting it again replaces the instant."""

    def set(self, at_ns: int) -> None:
        """Call the function at this monotonic ns, or at once if it has passed."""

    def close(self) -> None:
        """Release the timer. The function is not called any more."""


def make_alarm(ring: Callable[[], None]) -> Alarm:
    """Return the most exact alarm that this system has. It calls `ring` in the hub."""
    return _TimerFd(ring) if sys.platform == "linux" else _HubTimer(ring)


class _TimerFd:
    """A Linux timer file descriptor. It is never read, because setting it again also clears the expiry."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._fd, self._set = _open_timer()
        self._watcher = get_hub().loop.io(self._fd, _READ)
        self._watcher.start(self._rung)
        self._ring = ring

    def _rung(self) -> None:
        self._set(0)
        self._ring()

    def set(self, at_ns: int) -> None:
        self._set(max(at_ns, 1))

    def close(self) -> None:
        if self._fd >= 0:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
            self._fd = -1


if sys.version_info >= (3, 13):

    def _open_timer() -> tuple[int, Callable[[int], None]]:
        """Open a timerfd. Returns it and a function that sets it to a monotonic ns; 0 turns it off."""
        fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)

        def set_to(at_ns: int) -> None:
            os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=at_ns)

        return fd, set_to

else:

    class _Timespec(ctypes.Structure):
        _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))

    class _TimerSpec(ctypes.Structure):
        _fields_ = (("interval", _Timespec), ("value", _Timespec))

    def _open_timer() -> tuple[int, Callable[[int], None]]:
        """Open a timerfd through libc, as Python has no function for it before 3.13. See the other branch."""
        libc = ctypes.CDLL(None, use_errno=True)
        fd: int = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        spec = _TimerSpec()
        value, by_reference, settime = spec.value, ctypes.byref(spec), libc.timerfd_settime

        def set_to(at_ns: int) -> None:
            value.seconds, value.nanoseconds = divmod(at_ns, _NS)
            settime(fd, _ABSOLUTE, by_reference, None)

        return fd, set_to


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
