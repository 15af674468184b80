"""One clock per process: monotonic time, converted to unix time by one pair of readings taken together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from tripcurve.clock_pairing import pair_clocks

__all__ = ["Clock", "ClockMessage"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ClockMessage(TypedDict):
    """A clock as it is sent to a worker."""

    unix_ns: int
    monotonic_ns: int
    machine: str | None


@dataclass(frozen=True, slots=True)
class Clock:
    """Converts monotonic to unix nanoseconds. `machine`: the boot id of the machine it is valid on; None: unknown."""

    unix_ns: int
    monotonic_ns: int
    machine: str | None

    @classmethod
    def now(cls) -> Clock:
        """Return a clock made from this instant's readings."""
        return cls(*pair_clocks(), _machine())

    @property
    def offset_ns(self) -> int:
        """The difference to add to monotonic nanoseconds to get unix nanoseconds."""
        return self.unix_ns - self.monotonic_ns

    def unix(self, monotonic_ns: int) -> int:
        """Convert a monotonic time of this machine, ns, to unix ns."""
        return monotonic_ns + self.offset_ns

    def monotonic(self, unix_ns: int) -> int:
        """Convert unix ns to a monotonic time of this machine, ns."""
        return unix_ns - self.offset_ns

    def shared_with(self, other: Clock) -> bool:
        """Return whether both are on one machine, where all processes read the same monotonic time."""
        return self.machine is not None and self.machine == other.machine

    def to_message(self) -> ClockMessage:
        """Return plain data for a message."""
        return {"unix_ns": self.unix_ns, "monotonic_ns": self.monotonic_ns, "machine": self.machine}

    @classmethod
    def from_message(cls, data: ClockMessage) -> Clock:
        """Return the clock from the data of `to_message`."""
        return cls(data["unix_ns"], data["monotonic_ns"], data["machine"])


def _machine() -> str | None:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return None
