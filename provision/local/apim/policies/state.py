"""The state that policies keep between requests: cached values and counters. Pure, with time as an argument.

Each gateway unit has its own, as in API Management, whose units do not share them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Counters", "Gauge", "PeriodCounter", "TokenBucket", "ValueCache"]

MAX_CACHED_VALUES = 10_000
MAX_COUNTERS = 100_000

T = TypeVar("T")


class ValueCache:
    """Values with a time to live. When it is full, the least recently used are dropped first."""

    def __init__(self, limit: int = MAX_CACHED_VALUES) -> None:
        self._limit = limit
        self._values: OrderedDict[Hashable, tuple[float, object]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, now: float) -> tuple[bool, object]:
        """Return (True, value) or (False, None). A value expires at the exact end of its time."""
        entry = self._values.get(key)
        if entry is None:
            return False, None
        if entry[0] <= now:
            del self._values[key]
            return False, None
        self._values.move_to_end(key)
        return True, entry[1]

    def store(self, key: Hashable, value: object, now: float, duration_s: float) -> None:
        self._values[key] = (now + duration_s, value)
        self._values.move_to_end(key)
        while len(self._values) > self._limit:
            self._values.popitem(last=False)

    def remove(self, key: Hashable) -> None:
        self._values.pop(key, None)


@dataclass(slots=True)
class TokenBucket:
    """Holds `capacity` and is refilled evenly over `period_s`. The v2 tiers limit rates in this way."""

    capacity: float
    period_s: float
    level: float
    at: float

    def available(self, now: float) -> float:
        self.level = min(self.capacity, self.level + (now - self.at) * self.capacity / self.period_s)
        self.at = max(self.at, now)
        return self.level

    def take(self, now: float, amount: float) -> None:
        """Take an amount, even more than there is. The rest must be refilled first."""
        self.level = self.available(now) - amount

    def wait(self, now: float) -> float:
        """Return the seconds until one can be taken."""
        missing = 1.0 - self.available(now)
        return max(0.0, missing * self.period_s / self.capacity)


@dataclass(slots=True)
class PeriodCounter:
    """An amount per fixed period. The caller identifies the period by its end."""

    ends: float = 0.0
    total: float = 0.0

    def current(self, now: float, ends: float) -> float:
        if now >= self.ends:
            self.ends, self.total = ends, 0.0
        return self.total


@dataclass(slots=True)
class Gauge:
    """The number of calls inside at this moment."""

    count: int = 0


class Counters:
    """Counters by key, created when first used. When there are too many, the least recently used are dropped first."""

    def __init__(self, limit: int = MAX_COUNTERS) -> None:
        self._limit = limit
        self._counters: OrderedDict[Hashable, object] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counters)

    def get(self, kind: type[T], key: Hashable, make: Callable[[], T]) -> T:
        """Return the counter of this kind and key."""
        full = (kind, key)
        found = self._counters.get(full)
        if not isinstance(found, kind):
            found = make()
            self._counters[full] = found
            if len(self._counters) > self._limit:
                self._counters.popitem(last=False)
        else:
            self._counters.move_to_end(full)
        return found
