"""What stands behind the gateway in virtual time: faults, quotas and answer times of each backend."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from tripcurve.breaker import Outcome
from tripcurve.lab import Backend, Lab, Latency
from tripcurve.quota import DAY_S, Quota, Refusal, Throttle, Utilisation
from tripcurve.scenario import Fault, Phase, Scenario

__all__ = ["Z_95", "Answer", "Service", "sigma_of"]

Z_95 = 1.6448536269514722
"""The 95th percentile of the standard normal distribution."""


class Answer(NamedTuple):
    """What a caller gets. `waited_s`: the gateway's wait for the backend; None: no backend was asked."""

    status: int
    origin: str
    backend: str | None = None
    waited_s: float | None = None
    retry_after_s: float | None = None


def sigma_of(latency: Latency) -> float:
    """Return the shape of the log-normal distribution through the median and the 95th percentile."""
    return math.log(latency.p95_ms / latency.median_ms) / Z_95 if latency.median_ms > 0 else 0.0


class Service:
    """One backend: draws how it answers each request. All gateway units share it, and so its quota."""

    def __init__(self, backend: Backend, lab: Lab, scenario: Scenario) -> None:
        self._backend, self._options, self._tokens = backend, lab.local, scenario.tokens
        self._quota = _throttle(backend, lab)

    def answer(self, now: float, phase: Phase, rng: random.Random) -> tuple[Answer, Outcome]:
        """Return the answer to a request that arrives at `now` (seconds), and the same as the breaker sees it."""
        fault = self._fault(phase, rng)
        latency = self._latency(fault, rng)
        name = self._backend.name
        if fault is not None and fault.drop == "before":
            return Answer(500, "gateway", waited_s=latency), Outcome(None, "BackendConnectionFailure")
        if fault is not None and fault.status is not None:
            hint = fault.retry_after_s if fault.status >= 400 else None
            return Answer(fault.status, "backend", name, latency, hint), Outcome(fault.status, None, hint)
        refusal = None if self._quota is None else self._quota.admit(now, self._tokens.prompt + self._tokens.completion)
        if refusal is None:
            return Answer(200, "backend", name, latency), Outcome(200)
        hint = self._hint(refusal)
        return Answer(429, "backend", name, 0.0, hint), Outcome(429, None, hint)

    def _fault(self, phase: Phase, rng: random.Random) -> Fault | None:
        fault = phase.simulate.get(self._backend.name, phase.simulate.get("default"))
        return fault if fault is not None and rng.random() < fault.share else None

    def _latency(self, fault: Fault | None, rng: random.Random) -> float:
        if fault is not None and fault.wait_ms is not None:
            return fault.wait_ms / 1000
        if fault is not None and fault.status is not None and fault.status >= 300:
            return 0.0  # an error costs the mock no model time
        shape = self._backend.latency
        if shape is None:
            return 0.0
        body_ms = shape.per_token_ms * self._tokens.completion
        return (shape.median_ms * rng.lognormvariate(0.0, sigma_of(shape)) + body_ms) / 1000

    def _hint(self, refusal: Refusal) -> float | None:
        """Return Retry-After in whole seconds, at least one, or None if the mock sends none."""
        if self._options.mock_429_headers == "none":
            return None
        wait_s = DAY_S if self._options.mock_429_headers == "day" else refusal.wait_s
        return float(max(1, math.ceil(wait_s - 1e-6)))


def _throttle(backend: Backend, lab: Lab) -> Throttle | None:
    """Return the quota of a backend: a mock's own limits, provisioned units, or None."""
    if backend.limits is not None:
        window_s = 1.0 if lab.local.mock_rpm_window == "1s" else 10.0
        return Quota(backend.limits.rpm, backend.limits.tpm, window_s, lab.local.mock_tpm_window)
    if backend.kind == "openai" and "Provisioned" in lab.model.sku:
        return Utilisation(lab.model.capacity)
    if backend.kind == "openai":
        return Quota(lab.model.capacity * 6, lab.model.capacity * 1000, 10.0, lab.local.mock_tpm_window)
    return None
