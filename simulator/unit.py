"""One unit of a simulated gateway: its breakers, its pool, and its answer while they are open."""

from __future__ import annotations

import math

import numpy as np

from simulator.service import Answer
from simulator.words import key_of, uniform, words
from tripcurve.breaker.machines import machines_of
from tripcurve.breaker.pool import Member, Pool
from tripcurve.gateways import UNAVAILABLE, GatewayProfile, is_default
from tripcurve.lab import Lab

__all__ = ["Unit"]

_SWEEPS = 999_983
"""The stream of random numbers for the sweeps of units."""


class Unit:
    """One gateway unit, with breakers of its own. `breakers`: by backend; one that never opens is missing."""

    def __init__(self, lab: Lab, profile: GatewayProfile, index: int, seed: int) -> None:
        self.index = index
        phase = float(uniform(words(key_of(seed, _SWEEPS, index), np.zeros(1, np.int64)))[0])
        self.breakers = machines_of(lab, phase)
        self.rules = {backend.name: backend.breaker.name for backend in lab.backends if backend.breaker is not None}
        self._shed_status = _shed_status(profile.shed_statuses)
        self._is_default = is_default(lab)
        self._names = [backend.name for backend in lab.backends]
        members = [Member(b.name, b.priority, b.weight) for b in lab.backends]
        options = lab.local if profile.in_turns else lab.local.model_copy(update={"pool_weighting": "random"})
        pool_seed = index + (lab.local.seed if self._is_default else seed)
        self._pool = Pool(members, options, pool_seed) if lab.has_pool else None

    def choose(self, now: float) -> str | None:
        """Return the backend for a request at `now`, or None if every member of the pool is open."""
        return self._names[0] if self._pool is None else self._pool.choose(lambda name: self._admits(name, now))

    def _admits(self, name: str, now: float) -> bool:
        breaker = self.breakers.get(name)
        return breaker is None or breaker.admits(now)

    def shed(self, now: float) -> Answer:
        """Return the answer to a request that no backend may get.

        API Management's has the seconds until the first open breaker closes, rounded up, as Retry-After.
        """
        waits = [b.open_until - now for b in self.breakers.values() if b.open_until is not None]
        wait_s = float(math.ceil(max(min(waits, default=0.0), 0.0))) if self._is_default else None
        return Answer(self._shed_status, "gateway", retry_after_s=wait_s)


def _shed_status(statuses: tuple[int, ...]) -> int:
    """Return the status of sheds: 503 if the gateway has it, or if none is known."""
    return UNAVAILABLE if UNAVAILABLE in statuses or not statuses else statuses[0]
