"""Fits a lab and a scenario to a recorded run: service times, faults by phase, arrivals and quotas.

Each fit has the number of requests on which it is based, and its distance from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from simulator.recorded import NS, Recorded
from simulator.service import sigma_of
from tripcurve.lab import Backend, Lab, Latency
from tripcurve.lab.model import Limits
from tripcurve.scenario import Bursts, Fault, Phase, Scenario

__all__ = ["ArrivalFit", "Calibration", "FaultFit", "QuotaFit", "ServiceFit", "calibrate"]

SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""The shares at which recorded and fitted quantiles are compared."""
FEWEST = 20
"""The fewest answers from which a distribution is fitted."""
_KS_95 = 1.36
"""In 95 of 100 cases a sample of size n of the fitted distribution has a distance below this / sqrt(n)."""
_EVEN, _RANDOM = 0.35, 0.7
"""Gaps with a coefficient of variation below the first are even, and above the second those of a Poisson process."""
_MINUTE_NS = 60 * NS


class _Fit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceFit(_Fit):
    """The answer times of one backend's successes, as a log-normal distribution; ms.

    `measured`: which times were fitted: the gateway's wait for the backend or, if not reported, the client's latency.
    `distance`: the largest difference between the two cumulative distributions (Kolmogorov–Smirnov). `expected`: the
    distance is below this in 95 of 100 cases if the fit is right. `quantiles`: share, recorded ms, fitted ms.
    """

    backend: str
    n: int
    measured: str
    median_ms: float
    p95_ms: float
    distance: float
    expected: float
    quantiles: tuple[tuple[float, float, float], ...]


class FaultFit(_Fit):
    """How often a backend failed in a phase, out of `n` requests. `low` and `high`: the 95 % interval of `share`.

    `status`: of the most frequent failure, which is simulated for all; None: the connection failed, or nothing did.
    `retry_after_s` and `wait_ms`: its medians; None: not reported. `other`: the number of other failures.
    """

    phase: str
    backend: str
    n: int
    failed: int
    share: float
    low: float
    high: float
    status: int | None
    retry_after_s: float | None
    wait_ms: float | None
    other: int


class ArrivalFit(_Fit):
    """The open-loop arrivals of a phase. `variation`: the gaps' coefficient of variation; None: fewer than two gaps."""

    phase: str
    n: int
    rate: float
    variation: float | None
    kind: str


class QuotaFit(_Fit):
    """The quota of a backend that throttled without a simulated fault: its most successes within a minute."""

    backend: str
    rpm: int
    throttled: int


class Calibration(_Fit):
    """All fits to a run. `unfitted`: sentences about the parts that could not be fitted."""

    run: str
    requests: int
    services: tuple[ServiceFit, ...]
    faults: tuple[FaultFit, ...]
    arrivals: tuple[ArrivalFit, ...]
    quotas: tuple[QuotaFit, ...]
    unfitted: tuple[str, ...]


def calibrate(recorded: Recorded) -> tuple[Lab, Scenario, Calibration]:
    """Return a lab and a scenario fitted to a run, and the fits."""
    unfitted: list[str] = []
    services = [fit for backend in recorded.lab.backends if (fit := _service(recorded, backend, unfitted))]
    faults, quotas = _faults(recorded)
    arrivals = [_arrivals(recorded, phase) for phase in recorded.scenario.phases if phase.rate is not None]
    if not any(fault.failed for fault in faults) and not quotas:
        unfitted.append("no backend failed in this run, so the simulated backends do not fail either")
    if (recorded.rows["origin"] == "client").any():
        count = int((recorded.rows["origin"] == "client").sum())
        unfitted.append(f"{count:,} requests without a response are not simulated")
    if recorded.scenario.max_retries and arrivals:
        unfitted.append("arrivals include the clients' retries, so the scenario's own rates are used")
    fitted = Calibration(
        run=str(recorded.folder),
        requests=len(recorded.rows),
        services=tuple(services),
        faults=tuple(faults),
        arrivals=tuple(arrivals),
        quotas=tuple(quotas),
        unfitted=tuple(unfitted),
    )
    return _lab(recorded.lab, fitted), _scenario(recorded.scenario, fitted), fitted


def _service(recorded: Recorded, backend: Backend, unfitted: list[str]) -> ServiceFit | None:
    rows = recorded.rows
    answers = rows[(rows["backend"] == backend.name) & rows["status"].between(200, 299)]
    if len(answers) < FEWEST:
        unfitted.append(
            f"{backend.name}: {len(answers)} successes are too few to fit service times; the lab's are used"
        )
        return None
    waits = answers["backend_us"].dropna()
    reported = len(waits) == len(answers)
    times = np.sort((waits if reported else answers["latency_us"]).to_numpy(np.float64)) / 1000
    median, p95 = (float(np.quantile(times, share)) for share in (0.5, 0.95))
    fitted = Latency(median_ms=median, p95_ms=max(p95, median))
    return ServiceFit(
        backend=backend.name,
        n=len(times),
        measured="the gateway's wait" if reported else "the client's latency, network included",
        median_ms=fitted.median_ms,
        p95_ms=fitted.p95_ms,
        distance=_distance(times, fitted),
        expected=_KS_95 / math.sqrt(len(times)),
        quantiles=tuple((share, float(np.quantile(times, share)), _quantile(fitted, share)) for share in SHARES),
    )


def _distance(times: np.ndarray, fitted: Latency) -> float:
    """Return the largest difference between the distribution of sorted times and the fitted one."""
    sigma = sigma_of(fitted)
    if sigma == 0:
        return float(max(np.mean(times < fitted.median_ms), np.mean(times > fitted.median_ms)))
    z = (np.log(np.maximum(times, 1e-9)) - math.log(fitted.median_ms)) / sigma
    expected = np.array([0.5 * math.erfc(-each / math.sqrt(2)) for each in z])
    steps = np.arange(len(times) + 1) / len(times)
    return float(max(np.max(steps[1:] - expected), np.max(expected - steps[:-1])))


def _quantile(fitted: Latency, share: float) -> float:
    return fitted.median_ms * math.exp(sigma_of(fitted) * NormalDist().inv_cdf(share))


def _faults(recorded: Recorded) -> tuple[list[FaultFit], list[QuotaFit]]:
    faults, quotas = [], []
    for backend in recorded.lab.backends:
        throttled = 0
        for phase in recorded.scenario.phases:
            got = _requests_of(recorded, backend, phase)
            if len(got) == 0:
                continue
            simulated = phase.simulate.get(backend.name, phase.simulate.get("default"))
            own = got["status"] == 429 if simulated is None else pd.Series(False, index=got.index)
            throttled += int(own.sum())
            faults.append(_fault(phase, backend, got[~own]))
        if throttled:
            quotas.append(_quota(recorded, backend, throttled))
    return [fault for fault in faults if fault.n], quotas


def _requests_of(recorded: Recorded, backend: Backend, phase: Phase) -> pd.DataFrame:
    """Return the requests of a phase that a backend got: those it answered and, if alone, failed connections."""
    rows = recorded.rows[recorded.rows["phase"] == phase.name]
    rows = rows[rows["status"] > 0]
    mine = rows["backend"] == backend.name
    if len(recorded.lab.backends) == 1:
        mine |= (rows["origin"] == "backend") | ((rows["origin"] == "gateway") & (rows["status"] == 500))
    return rows[mine]


def _fault(phase: Phase, backend: Backend, got: pd.DataFrame) -> FaultFit:
    failed = got[got["status"] >= 300]
    share, n = (len(failed) / len(got) if len(got) else 0.0), len(got)
    low, high = _interval(len(failed), n)
    status: int | None = None
    alike = failed
    if len(failed):
        commonest = int(failed["status"].mode().iloc[0])
        alike = failed[failed["status"] == commonest]
        status = None if (alike["origin"] == "gateway").all() else commonest
    hints, waits = alike["retry_after_s"].dropna(), alike["backend_us"].dropna()
    return FaultFit(
        phase=phase.name,
        backend=backend.name,
        n=n,
        failed=len(failed),
        share=share,
        low=low,
        high=high,
        status=status,
        retry_after_s=float(hints.median()) if len(hints) else None,
        wait_ms=float(waits.median()) / 1000 if len(waits) else None,
        other=len(failed) - len(alike),
    )


def _interval(successes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    share, spread = successes / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _quota(recorded: Recorded, backend: Backend, throttled: int) -> QuotaFit:
    rows = recorded.rows
    good = rows[(rows["backend"] == backend.name) & rows["status"].between(200, 299)]["start_ns"].to_numpy()
    within = np.searchsorted(good, good + _MINUTE_NS) - np.arange(len(good))
    return QuotaFit(backend=backend.name, rpm=max(int(within.max(initial=0)), 1), throttled=throttled)


def _arrivals(recorded: Recorded, phase: Phase) -> ArrivalFit:
    due = np.sort(recorded.rows[recorded.rows["phase"] == phase.name]["intended_ns"].to_numpy())
    gaps = np.diff(due)
    variation = float(gaps.std() / gaps.mean()) if len(gaps) > 1 and gaps.mean() > 0 else None
    kind = "unknown" if variation is None else "even" if variation < _EVEN else "other"
    if variation is not None and variation > _RANDOM:
        kind = "Poisson"
    return ArrivalFit(phase=phase.name, n=len(due), rate=len(due) / phase.duration_s, variation=variation, kind=kind)


def _lab(lab: Lab, fitted: Calibration) -> Lab:
    times = {fit.backend: Latency(median_ms=fit.median_ms, p95_ms=fit.p95_ms) for fit in fitted.services}
    quotas = {fit.backend: Limits(rpm=fit.rpm) for fit in fitted.quotas}
    backends = []
    for backend in lab.backends:
        changes: dict[str, object] = {}
        if backend.name in times:
            changes["latency"] = times[backend.name]
        if backend.name in quotas and backend.limits is None:
            changes["limits"] = quotas[backend.name]
        backends.append(backend.model_copy(update=changes))
    return lab.model_copy(update={"backends": tuple(backends)})


def _scenario(scenario: Scenario, fitted: Calibration) -> Scenario:
    rates = {fit.phase: fit.rate for fit in fitted.arrivals if fit.n and not scenario.max_retries}
    faults: dict[str, dict[str, Fault]] = {}
    for fit in fitted.faults:
        if fit.failed:
            faults.setdefault(fit.phase, {})[fit.backend] = Fault(
                status=fit.status,
                drop="before" if fit.status is None else None,
                retry_after_s=fit.retry_after_s,
                wait_ms=fit.wait_ms,
                share=fit.share,
            )
    phases = tuple(_phase(phase, rates, faults.get(phase.name, {})) for phase in scenario.phases)
    random = sum(fit.n for fit in fitted.arrivals if fit.kind == "Poisson")
    poisson = 2 * random > sum(fit.n for fit in fitted.arrivals) and not isinstance(scenario.arrivals, Bursts)
    return scenario.model_copy(update={"phases": phases, "arrivals": "poisson" if poisson else scenario.arrivals})


def _phase(phase: Phase, rates: Mapping[str, float], faults: Mapping[str, Fault]) -> Phase:
    changes: dict[str, object] = {"simulate": faults}
    if isinstance(phase.rate, float) and phase.name in rates:
        changes["rate"] = rates[phase.name]
    return phase.model_copy(update=changes)
