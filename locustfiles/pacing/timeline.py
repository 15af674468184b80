"""The phases of one run on the monotonic clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from tripcurve.scenario import Phase, Scenario

__all__ = ["Stretch", "Timeline", "most_users", "user_count"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase and the interval it takes, `[begin_ns, end_ns)` in monotonic ns."""

    index: int
    phase: Phase
    begin_ns: int
    end_ns: int


class Timeline:
    """The phases of a scenario, one after another from `start_ns`. Every worker computes the same instants."""

    def __init__(self, scenario: Scenario, start_ns: int) -> None:
        self.start_ns = start_ns
        self.stretches = tuple(_stretches(scenario, start_ns))
        self.end_ns = self.stretches[-1].end_ns
        self._begins = [stretch.begin_ns for stretch in self.stretches]

    @property
    def duration_s(self) -> float:
        """The length of all phases together."""
        return (self.end_ns - self.start_ns) / 1e9

    def at(self, now_ns: int) -> Stretch:
        """Return the phase at a monotonic ns: the first one before the start, the last one after the end."""
        return self.stretches[max(bisect_right(self._begins, now_ns) - 1, 0)]


def _stretches(scenario: Scenario, start_ns: int) -> Iterator[Stretch]:
    begin_s = 0.0
    for index, phase in enumerate(scenario.phases):
        end_s = begin_s + phase.duration_s
        yield Stretch(index, phase, start_ns + round(begin_s * 1e9), start_ns + round(end_s * 1e9))
        begin_s = end_s


def user_count(scenario: Scenario, phase: Phase, into_s: float) -> int:
    """Return the number of users `into_s` seconds into a phase: all in open loop, else the phase's plus the probes."""
    users = phase.users_at(into_s)
    if users is None:
        return sum(scenario.users.values())
    return users + scenario.users.get("ProbeUser", 0)


def most_users(scenario: Scenario) -> int:
    """Return the largest number of users at any time of a run, at least 1."""
    return max(1, *(user_count(scenario, phase, at) for phase in scenario.phases for at in (0.0, phase.duration_s)))
