"""One clock per process: monotonic time, labelled with unix time by a single pairing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

__all__ = ["Clock", "ClockMessage"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ClockMessage(TypedDict):
    """A clock as it travels to a worker."""

    unix_ns: int
    monotonic_ns: int
    machine: str | None


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns monotonic into unix nanoseconds. `machine` is the boot it holds for; None: cannot be told."""

    unix_ns: int
    monotonic_ns: int
    machine: str | None

    @classmethod
    def now(cls) -> Clock:
        """A pairing made at this instant."""
        return cls(time.time_ns(), time.monotonic_ns(), _machine())

    @property
    def offset_ns(self) -> int:
        """What to add to monotonic nanoseconds."""
        return self.unix_ns - self.monotonic_ns

    def unix(self, monotonic_ns: int) -> int:
        return monotonic_ns + self.offset_ns

    def monotonic(self, unix_ns: int) -> int:
        return unix_ns - self.offset_ns

    def shared_with(self, other: Clock) -> bool:
        """Whether both run on one machine, where monotonic time is the same for all processes."""
        return self.machine is not None and self.machine == other.machine

    def to_message(self) -> ClockMessage:
        return {"unix_ns": self.unix_ns, "monotonic_ns": self.monotonic_ns, "machine": self.machine}

    @classmethod
    def from_message(cls, data: ClockMessage) -> Clock:
        return cls(data["unix_ns"], data["monotonic_ns"], data["machine"])


def _machine() -> str | None:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return None
