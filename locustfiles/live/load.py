"""The scheduled load of a run so far: arrivals that were due, sent and dropped, and how late they were sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Load"]


class Load(NamedTuple):
    """Arrivals so far, without probes. `late_p99_ms`: 99th percentile of the lateness; None: nothing was paced."""

    due: int = 0
    sent: int = 0
    dropped: int = 0
    late_p99_ms: float | None = None

    @classmethod
    def of_all(cls, loads: Iterable[Load]) -> Load:
        """Return the load of several processes: the sums, and the lateness of the latest process."""
        parts = list(loads)
        late = [part.late_p99_ms for part in parts if part.late_p99_ms is not None]
        return cls(
            due=sum(part.due for part in parts),
            sent=sum(part.sent for part in parts),
            dropped=sum(part.dropped for part in parts),
            late_p99_ms=max(late, default=None),
        )
