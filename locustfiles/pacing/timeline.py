"""The phases of one run on the monotonic clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from tripcurve.scenario import Phase, Scenario

__all__ = ["Stretch", "Timeline", "user_count"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase with its place in time, monotonic ns: `[begin_ns, end_ns)`."""

    index: int
    phase: Phase
    begin_ns: int
    end_ns: int


class Timeline:
    """Phases one after another from a start. Every worker computes the same instants."""

    def __init__(self, scenario: Scenario, start_ns: int) -> None:
        self.start_ns = start_ns
        self.stretches = tuple(_stretches(scenario, start_ns))
        self.end_ns = self.stretches[-1].end_ns
        self._begins = [stretch.begin_ns for stretch in self.stretches]

    @property
    def duration_s(self) -> float:
        """Length of all phases together."""
        return (self.end_ns - self.start_ns) / 1e9

    def at(self, now_ns: int) -> Stretch:
        """The phase at an instant; before the start the first, after the end the last."""
        return self.stretches[max(bisect_right(self._begins, now_ns) - 1, 0)]


def _stretches(scenario: Scenario, start_ns: int) -> Iterator[Stretch]:
    begin_s = 0.0
    for index, phase in enumerate(scenario.phases):
        end_s = begin_s + phase.duration_s
        yield Stretch(index, phase, start_ns + round(begin_s * 1e9), start_ns + round(end_s * 1e9))
        begin_s = end_s


def user_count(scenario: Scenario, phase: Phase, into_s: float) -> int:
    """Users at an instant of a phase: in open loop all of them, else the phase's and the probes."""
    users = phase.users_at(into_s)
    if users is None:
        return sum(scenario.users.values())
    return users + scenario.users.get("ProbeUser", 0)
