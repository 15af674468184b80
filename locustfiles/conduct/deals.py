"""Which workers share the arrivals of each phase of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from locustfiles.conduct.plan import Plan
from locustfiles.pacing.schedule import Share, phase_arrivals

__all__ = ["Deals", "share_of"]


def share_of(workers: Sequence[int], worker: int) -> Share:
    """Return a worker's share of a phase that these workers share. Raises ValueError if it is none of them."""
    return Share(workers.index(worker), len(workers))


class Deals:
    """The main process's decisions, one for each phase in order: the numbers of the workers that share it.

    A decision is made once and never changed. So every arrival has one owner, whenever the workers hear of it; a worker
    that does not hear of it sends none of the phase. `most`: how many workers can share a phase, as each needs a user.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._phases: list[tuple[int, ...]] = []

    def __len__(self) -> int:
        """Return the number of phases that are decided."""
        return len(self._phases)

    def decide(self, present: Iterable[int]) -> tuple[int, ...]:
        """Decide who shares the next phase, and return it: the workers present or, if none is, those of the last one.

        If there are too many, those with the lowest numbers share it: they were there first.
        """
        workers = tuple(sorted(present)[: self._most])
        if not workers and self._phases:
            workers = self._phases[-1]
        self._phases.append(workers)
        return workers

    def workers(self, phase: int) -> tuple[int, ...]:
        """Return who shares a phase, or the last decided one if it is not decided yet; nobody before the first."""
        return self._phases[min(phase, len(self._phases) - 1)] if self._phases else ()

    def phases(self, worker: int) -> list[int]:
        """Return the phases in which a worker has a share."""
        return [phase for phase, workers in enumerate(self._phases) if worker in workers]

    def arrivals(self, plan: Plan, worker: int, phases: Iterable[int]) -> Iterator[float]:
        """Return when a worker's arrivals in some of its phases are due, in seconds from the run's start."""
        return chain.from_iterable(
            phase_arrivals(plan.scenario, phase, worker, share_of(self._phases[phase], worker), plan.trace)
            for phase in phases
        )
