"""Simulates the backends behind the gateway: their faults, quotas and answer times."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import NamedTuple, Protocol

import numpy as np

from simulator.words import QUANTILES, Floats, normal_quantiles
from tripcurve.breaker import Outcome
from tripcurve.lab import Backend, Lab, Latency
from tripcurve.quota import DAY_S, Quota, Refusal, Throttle, Utilisation
from tripcurve.scenario import Fault, Phase, Scenario
from tripcurve.scenario.which import parse_which

__all__ = [
    "HOP_S",
    "Z_95",
    "Answer",
    "Answering",
    "Chance",
    "Service",
    "answer_times",
    "fault_answer",
    "fault_wait_s",
    "sigma_of",
    "throttle_of",
]

HOP_S = 0.0008
"""The seconds that the gateway's way to a backend and back takes, with the mock's handling, beside the answer time."""
Z_95 = 1.6448536269514722
"""The 95th percentile of the standard normal distribution."""


class Answer(NamedTuple):
    """An answer as the client gets it. `waited_s`: the gateway's wait for the backend; None: it asked no backend."""

    status: int
    origin: str
    backend: str | None = None
    waited_s: float | None = None
    retry_after_s: float | None = None


class Chance(NamedTuple):
    """The random numbers of one request at a backend, as its source drew them. None: not drawn yet, `rng` draws it.

    `unit`: the gateway unit that sent the request.
    """

    rng: random.Random
    faulty: bool | None = None
    quantile: int | None = None
    unit: int = 0

    def carries(self, fault: Fault) -> bool:
        """Return whether the request gets the phase's fault."""
        return self.rng.random() < fault.share if self.faulty is None else self.faulty

    def rank(self) -> int:
        """Return the rank of the answer time among QUANTILES."""
        return self.rng.randrange(QUANTILES) if self.quantile is None else self.quantile


def sigma_of(latency: Latency) -> float:
    """Return sigma of the log-normal distribution with this median and 95th percentile."""
    return math.log(latency.p95_ms / latency.median_ms) / Z_95 if latency.median_ms > 0 else 0.0


def answer_times(backend: Backend, scenario: Scenario) -> Floats:
    """Return the backend's answer times in seconds, by rank, shape (QUANTILES,)."""
    shape = backend.latency
    if shape is None:
        return np.full(QUANTILES, HOP_S)
    body_ms = shape.per_token_ms * scenario.tokens.completion
    return (shape.median_ms * np.exp(sigma_of(shape) * normal_quantiles()) + body_ms) / 1000 + HOP_S


def fault_wait_s(fault: Fault) -> float | None:
    """Return the seconds until the answer to a request with a fault, or None if it takes the backend's answer time."""
    if fault.wait_ms is not None:
        return fault.wait_ms / 1000 + HOP_S
    if fault.status is not None and fault.status >= 300:
        return HOP_S  # the mock answers errors at once
    return None


def fault_answer(fault: Fault, backend: str, waited_s: float) -> tuple[Answer, Outcome] | None:
    """Return the answer to a faulty request and its outcome for the breaker, or None if the fault changes neither."""
    if fault.drop == "before":
        return Answer(500, "gateway", waited_s=waited_s), Outcome(None, "BackendConnectionFailure")
    if fault.status is None:
        return None
    hint = fault.retry_after_s if fault.status >= 400 else None
    return Answer(fault.status, "backend", backend, waited_s, hint), Outcome(fault.status, None, hint)


class Answering(Protocol):
    """A simulated backend: `Service`, or another model in its place."""

    def answer(self, now: float, phase: Phase, chance: Chance) -> tuple[Answer, Outcome]:
        """Return the answer to a request that arrives at `now` (seconds), and its outcome for the breaker."""
        ...


class Service:
    """Simulates one backend. All gateway units share it, and so its quota."""

    def __init__(self, backend: Backend, lab: Lab, scenario: Scenario) -> None:
        self._backend, self._options, self._tokens = backend, lab.local, scenario.tokens
        self._quota = throttle_of(backend, lab)
        self._times = answer_times(backend, scenario).tolist()
        self._counts: Counter[tuple[str, int | None]] = Counter()
        """The requests so far for which a fault has `which`, by phase and unit (None: all units)."""

    def answer(self, now: float, phase: Phase, chance: Chance) -> tuple[Answer, Outcome]:
        """Return the answer to a request that arrives at `now` (seconds), and its outcome for the breaker."""
        fault = phase.simulate.get(self._backend.name, phase.simulate.get("default"))
        if fault is not None and not self._gets(fault, phase, chance):
            fault = None
        wait_s = None if fault is None else fault_wait_s(fault)
        waited_s = self._times[chance.rank()] if wait_s is None else wait_s
        failed = None if fault is None else fault_answer(fault, self._backend.name, waited_s)
        if failed is not None:
            return failed
        refusal = None if self._quota is None else self._quota.admit(now, self._tokens.prompt + self._tokens.completion)
        if refusal is None:
            return Answer(200, "backend", self._backend.name, waited_s), Outcome(200)
        hint = self._hint(refusal)
        return Answer(429, "backend", self._backend.name, HOP_S, hint), Outcome(429, None, hint)

    def _gets(self, fault: Fault, phase: Phase, chance: Chance) -> bool:
        """Return whether a request gets the fault of its phase. Counts it if the fault is for requests by number."""
        if fault.which is None:
            return chance.carries(fault)
        key = (phase.name, chance.unit if fault.per == "instance" else None)
        self._counts[key] += 1
        return parse_which(fault.which).includes(self._counts[key])

    def _hint(self, refusal: Refusal) -> float | None:
        """Return Retry-After in whole seconds, at least one, or None if the mock sends none."""
        if self._options.mock_429_headers == "none":
            return None
        wait_s = DAY_S if self._options.mock_429_headers == "day" else refusal.wait_s
        return float(max(1, math.ceil(wait_s - 1e-6)))


def throttle_of(backend: Backend, lab: Lab) -> Throttle | None:
    """Return the quota of a backend: a mock's limits, or the deployment's capacity; None: unlimited."""
    if backend.limits is not None:
        window_s = 1.0 if lab.local.mock_rpm_window == "1s" else 10.0
        return Quota(backend.limits.rpm, backend.limits.tpm, window_s, lab.local.mock_tpm_window)
    if backend.kind == "openai" and "Provisioned" in lab.model.sku:
        return Utilisation(lab.model.capacity)
    if backend.kind == "openai":
        return Quota(lab.model.capacity * 6, lab.model.capacity * 1000, 10.0, lab.local.mock_tpm_window)
    return None
