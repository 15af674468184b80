"""Compares the load that was sent with the configured one, phase by phase: its rate, the gaps and the lateness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from reports.loading.run import Run
from reports.statistics.arrivals import PhaseArrivals
from reports.statistics.distributions import gamma_cdf_of_bins, kolmogorov_p, largest_distance, poisson_interval
from tripcurve.run.stimulus import GapTest, Lateness, PhaseStimulus, Rate, Stimulus
from tripcurve.scenario import Scenario

__all__ = ["LEVEL", "MOST_UNEVEN", "stimulus"]

LEVEL = 0.001
"""Each test judges a phase that was sent as configured wrongly with this probability."""
FEWEST_GAPS = 20
"""The least number of gaps whose distribution is tested. Evenness is tested from one gap on."""
MOST_UNEVEN = 0.02
"""The largest standard deviation of even gaps, as a share of their mean."""
MOST_DOUBT = 0.05
"""The largest uncertainty of workers' clocks with which gaps are tested, as a share of the mean gap."""
CLOSED_LOOP = "closed loop: a user sends its next request after an answer, so no arrivals are configured"
REPLAYED = "replayed from a trace, which configures no rate and no distribution"
NOT_RECORDED = "the record does not say when requests were due"
CUT_SHORT = "the run ended within this phase"
TOO_FEW = "too few arrivals to judge their distribution"


class _Configured(NamedTuple):
    """Configured arrivals. `cv`: standard deviation of the gaps over their mean: 0 even, 1 Poisson, else gamma."""

    name: str
    cv: float


def stimulus(run: Run) -> Stimulus:
    """Return the part `stimulus` of the summary, with an entry for each phase that the run reached."""
    found, begin_s = [], 0.0
    for arrivals in run.arrivals.phases.values():
        seconds = min(arrivals.phase.duration_s, run.duration_s - begin_s)
        begin_s += arrivals.phase.duration_s
        if seconds > 0:
            found.append(_of_phase(run, arrivals, seconds))
    judged = [phase.as_configured for phase in found if phase.as_configured is not None]
    return Stimulus(
        level=LEVEL,
        as_configured=all(judged) if judged else None,
        sentence=_sentence(found),
        phases=tuple(found),
    )


def _of_phase(run: Run, arrivals: PhaseArrivals, seconds: float) -> PhaseStimulus:
    phase = arrivals.phase
    if phase.users is not None:
        return _not_judged(arrivals, seconds, None, CLOSED_LOOP)
    if not arrivals.sent and arrivals.unplanned:
        return _not_judged(arrivals, seconds, _configured(run.scenario).name, NOT_RECORDED)
    if phase.rate is None:
        return _not_judged(arrivals, seconds, "trace", REPLAYED)
    configured, configured_s = _configured(run.scenario), arrivals.expected(seconds) / seconds
    dropped, missed = _unsent(run, phase.name)
    offered = None if dropped is None or missed is None else arrivals.sent + dropped + missed
    sent = _rate(arrivals.sent, seconds, configured.cv)
    gaps, untested = _tested(arrivals, configured.cv)
    wrong = [*_wrong_rate(sent, configured_s), *_wrong_gaps(gaps, configured)]
    doubt = CUT_SHORT if seconds < phase.duration_s - 1e-6 else None if wrong else untested
    return PhaseStimulus(
        phase=phase.name,
        seconds=seconds,
        arrivals=configured.name,
        configured_s=configured_s,
        offered=None if offered is None else _rate(offered, seconds, configured.cv),
        sent=sent,
        late_ms=_lateness(arrivals),
        dropped=dropped,
        missed=missed,
        gaps=gaps,
        as_configured=None if doubt is not None else not wrong,
        reason=doubt or "; ".join([*wrong, *_never_sent(dropped, missed)] if wrong else []) or None,
    )


def _configured(scenario: Scenario) -> _Configured:
    arrivals = scenario.arrivals
    if isinstance(arrivals, str):
        return _Configured(arrivals, 0.0 if arrivals == "constant" else 1.0)
    return _Configured(f"gamma, cv {arrivals.gamma.cv:g}", arrivals.gamma.cv)


def _not_judged(arrivals: PhaseArrivals, seconds: float, name: str | None, reason: str) -> PhaseStimulus:
    """Return a phase without any comparison, with the arrivals that the record shows to be sent."""
    rate = arrivals.phase.rate
    return PhaseStimulus(
        phase=arrivals.phase.name,
        seconds=seconds,
        arrivals=name,
        configured_s=None if rate is None else arrivals.expected(seconds) / seconds,
        offered=None,
        sent=_rate(arrivals.sent, seconds, 0.0) if arrivals.sent else None,
        late_ms=_lateness(arrivals),
        dropped=None,
        missed=None,
        gaps=None,
        as_configured=None,
        reason=reason,
    )


def _unsent(run: Run, phase: str) -> tuple[int | None, int | None]:
    """Return how many arrivals of a phase were dropped and missed, each None if it is not known."""
    if run.info.simulation is not None:
        return 0, 0
    pacing = run.info.pacing
    if pacing is None:
        return None, None
    dropped = _part(pacing.dropped, pacing.dropped_by_phase, phase)
    return dropped, None if pacing.untold else _part(pacing.missed, pacing.missed_by_phase, phase)


def _part(total: int | None, by_phase: Mapping[str, int] | None, phase: str) -> int | None:
    if by_phase is not None:
        return by_phase.get(phase, 0)
    return 0 if total == 0 else None


def _rate(n: int, seconds: float, cv: float) -> Rate:
    """Return the rate of `n` arrivals whose gaps have this coefficient of variation.

    The number of evenly spaced arrivals is right to one more or less. In general it scatters `cv` times as much as that
    of Poisson arrivals, as if `n / cv²` groups of arrivals were one.
    """
    low, high = float(max(n - 1, 0)), float(n + 1)
    if cv:
        ends = poisson_interval(n / (cv * cv), LEVEL)
        low, high = min(low, cv * cv * ends[0]), max(high, cv * cv * ends[1])
    return Rate(n=n, per_s=n / seconds, low=low / seconds, high=high / seconds)


def _lateness(arrivals: PhaseArrivals) -> Lateness:
    late = arrivals.lateness
    p50, p99, most = (late.quantile([0.5, 0.99, 1.0]) / 1000).tolist() if len(late) else (None, None, None)
    return Lateness(n=len(late), p50=p50, p99=p99, max=most)


def _tested(arrivals: PhaseArrivals, cv: float) -> tuple[GapTest | None, str | None]:
    """Return the test of the gaps, or None and the reason why they are not tested."""
    n = arrivals.gaps
    if n < (1 if cv == 0 else FEWEST_GAPS):
        return None, TOO_FEW
    mean_gap_s = arrivals.phase.duration_s / arrivals.expected(arrivals.phase.duration_s)
    if arrivals.clock_doubt_ns / 1e9 > MOST_DOUBT * mean_gap_s:
        doubt_ms = arrivals.clock_doubt_ns / 1e6
        return None, f"workers' clocks are known to ±{doubt_ms:.3f} ms, too little to judge gaps of that size"
    if cv == 0:
        mean = arrivals.gap_sum / n
        uneven = math.sqrt(max(arrivals.gap_squares / n - mean * mean, 0.0)) / mean if mean else 0.0
        return GapTest(kind="evenness", n=n, statistic=uneven, p_value=None, passed=uneven <= MOST_UNEVEN), None
    distance = largest_distance(arrivals.gap_bins, gamma_cdf_of_bins(cv**-2, len(arrivals.gap_bins)))
    p_value = kolmogorov_p(distance, n)
    passed = p_value >= LEVEL
    return GapTest(kind="kolmogorov-smirnov", n=n, statistic=distance, p_value=p_value, passed=passed), None


def _wrong_rate(sent: Rate, configured_s: float) -> list[str]:
    if sent.low <= configured_s <= sent.high:
        return []
    return [f"{sent.per_s:,.2f}/s were sent, {configured_s:,.2f}/s are configured"]


def _wrong_gaps(gaps: GapTest | None, configured: _Configured) -> list[str]:
    if gaps is None or gaps.passed:
        return []
    if gaps.p_value is None:
        return [f"the arrivals are not evenly spaced: their gaps vary by {gaps.statistic:.0%}"]
    expected = "Poisson" if configured.name == "poisson" else configured.name
    return [f"the gaps are not those of the configured arrivals ({expected}; p = {gaps.p_value:.1g})"]


def _never_sent(dropped: int | None, missed: int | None) -> list[str]:
    causes = (
        (dropped, "dropped because every user was busy"),
        (missed, "missed because a worker died or did not hear of its share in time"),
    )
    return [f"{n:,} {cause}" for n, cause in causes if n]


def _sentence(phases: list[PhaseStimulus]) -> str:
    """Return one sentence about all phases, without a subject: `as configured in all 3 phases`."""
    wrong = [phase for phase in phases if phase.as_configured is False]
    open_ones = [phase for phase in phases if phase.as_configured is None]
    right = len(phases) - len(wrong) - len(open_ones)
    if wrong:
        more = f"; nor in {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return f"not as configured in {wrong[0].phase}: {wrong[0].reason}{more}"
    if not right:
        return f"not judged: {open_ones[0].reason}" if open_ones else "not judged: no phase began"
    if open_ones:
        return f"as configured in {right} of {len(phases)} phases; {open_ones[0].phase}: {open_ones[0].reason}"
    where = "in its only phase" if right == 1 else f"in all {right} phases"
    return f"as configured {where}, in rate and spacing"
