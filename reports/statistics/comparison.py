"""Compares two runs, with a verdict on each measure that takes its noise into account.

The noise is estimated by bootstrap: each run's trips, or requests, are resampled with replacement many times, each
trip's value at random from within its half-width. A difference counts only if the middle 95 % of the resampled
differences exclude 0. For a run with a single trip, the range of that trip's half-widths is used instead. The seed is
fixed, so the same two runs give the same verdict.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from reports.loading.run import Run
from reports.trips.analysis import analyse
from reports.trips.trip import Trip
from tripcurve.errors import BadInput
from tripcurve.suggestions import did_you_mean

__all__ = [
    "MORE_IS_BETTER",
    "Comparison",
    "Limit",
    "compare",
    "differences",
    "parse_limit",
    "values_of_run",
]

Verdict = Literal["same", "higher", "lower", "too few to tell", "only one run has it"]
Values = npt.NDArray[np.float64]

DRAWS = 1000
SEED = 20251
# More requests than this are thinned evenly before they are resampled, which makes the interval a little too wide.
MOST_DRAWN = 20_000
FEWEST = 2

# Each measure of a trip, and the instants it depends on.
TRIP_MEASURES = {
    "time_to_trip_s": ("tripped_s",),
    "open_s": ("tripped_s", "reset_s"),
    "open_error_s": ("tripped_s", "reset_s"),
    "recovery_latency_s": ("reset_s",),
    "restored_s": ("reset_s",),
    "outage_s": (),
    "overshoot": (),
}
# For these measures, a lower value is worse.
MORE_IS_BETTER = frozenset({"ok_share", "rate_s", "absorption"})


@dataclass(frozen=True, slots=True)
class Limit:
    """How much worse a measure may become: a fraction of the base's value if `share`, else an amount in its unit."""

    measure: str
    amount: float
    share: bool

    def allowed(self, base: float) -> float:
        """Return how much worse than `base` the measure may be, in its unit."""
        return abs(base) * self.amount if self.share else self.amount


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure. `low` and `high`: the middle 95 % of run − base; None: too few values to compute it.

    `base` and `run` None: the run does not have the measure. `base_n` and `run_n`: numbers of trips or requests.
    `limit`: the most that it may become worse, in its own unit. `limit` and `regressed` None: no limit was set.
    `undecided`: a limit was set, but there are too few values to judge it.
    """

    measure: str
    base: float | None
    run: float | None
    difference: float | None
    low: float | None
    high: float | None
    base_n: int
    run_n: int
    verdict: Verdict
    limit: float | None = None
    regressed: bool | None = None
    undecided: bool = False


@dataclass(frozen=True)
class _Sample:
    """Values of one run's trips or requests. `doubt`: how far each may be off; None: they are exact.

    `n`: how many values they represent; None: as many as there are.
    """

    values: Values
    doubt: Values | None = None
    n: int | None = None

    def __len__(self) -> int:
        return len(self.values) if self.n is None else self.n


@dataclass(frozen=True)
class _Share:
    """How many of one run's requests were of a certain kind."""

    hits: int
    n: int

    def __len__(self) -> int:
        return self.n


@dataclass(frozen=True)
class _Measure:
    """A statistic over a sample of one run's trips or requests."""

    name: str
    sample: Callable[[Run, list[Trip]], _Sample | _Share]
    statistic: Callable[[Values, int], Values]


def parse_limit(text: str) -> Limit:
    """Parse a limit such as `time_to_trip_s.median=10%` or `latency_ms.p99=5`. Raises BadInput if it is not one."""
    match = re.fullmatch(r"\s*([A-Za-z0-9_.]+)\s*=\s*(\d+(?:\.\d+)?)\s*(%?)\s*", text)
    if match is None:
        raise BadInput(f"limit {text!r} is not understood; a limit looks like `time_to_trip_s.median=10%`")
    known = [measure.name for measure in MEASURES]
    if match[1] not in known:
        hint = did_you_mean(match[1], known) or f"; there are: {', '.join(known)}"
        raise BadInput(f"limit {text!r}: no measure {match[1]!r}{hint}")
    percent = match[3] == "%"
    return Limit(match[1], float(match[2]) / (100 if percent else 1), percent)


def compare(base: Run, run: Run, limits: list[Limit]) -> list[Comparison]:
    """Compare every measure that either run has, in a fixed order."""
    trips = (analyse(base).trips, analyse(run).trips)
    by_measure = {limit.measure: limit for limit in limits}
    found = [
        _compared(measure, measure.sample(base, trips[0]), measure.sample(run, trips[1]), by_measure.get(measure.name))
        for measure in MEASURES
    ]
    return [one for one in found if one.base_n or one.run_n or one.undecided]


def _compared(measure: _Measure, base: _Sample | _Share, run: _Sample | _Share, limit: Limit | None) -> Comparison:
    before, after = _value(measure, base), _value(measure, run)
    if before is None or after is None:
        # A measure with a limit fails if the run no longer has it.
        return Comparison(
            measure=measure.name,
            base=before,
            run=after,
            difference=None,
            low=None,
            high=None,
            base_n=len(base),
            run_n=len(run),
            verdict="only one run has it" if before is not None or after is not None else "too few to tell",
            regressed=None if limit is None else before is not None,
            undecided=limit is not None and before is None,
        )
    low, high = _interval(measure, base, run)
    verdict = _verdict(low, high)
    allowed = None if limit is None else limit.allowed(before)
    regressed = None if allowed is None else _regressed(measure, after - before, verdict, allowed)
    return Comparison(
        measure=measure.name,
        base=before,
        run=after,
        difference=after - before,
        low=low,
        high=high,
        base_n=len(base),
        run_n=len(run),
        verdict=verdict,
        limit=allowed,
        regressed=regressed,
        undecided=limit is not None and verdict == "too few to tell",
    )


def _value(measure: _Measure, sample: _Sample | _Share) -> float | None:
    if isinstance(sample, _Share):
        return sample.hits / sample.n if sample.n else None
    return float(measure.statistic(sample.values[None, :], 1)[0]) if len(sample) else None


def _verdict(low: float | None, high: float | None) -> Verdict:
    if low is None or high is None:
        return "too few to tell"
    return "same" if low <= 0 <= high else "higher" if low > 0 else "lower"


def _regressed(measure: _Measure, difference: float, verdict: Verdict, allowed: float) -> bool:
    """Return whether a measure is worse by more than the limit and by more than noise."""
    more_is_better = measure.name in MORE_IS_BETTER
    worse = -difference if more_is_better else difference
    return worse > allowed and verdict == ("lower" if more_is_better else "higher")


def _interval(measure: _Measure, base: _Sample | _Share, run: _Sample | _Share) -> tuple[float | None, float | None]:
    """Return the middle 95 % of the difference over resampled values, or None twice if a run has too few values.

    A single value with a known doubt is not resampled: its range is its doubt.
    """
    if min(len(base), len(run)) < FEWEST:
        ranges = [_range(measure, one) for one in (base, run)]
        if ranges[0] is None or ranges[1] is None:
            return None, None
        return ranges[1][0] - ranges[0][1], ranges[1][1] - ranges[0][0]
    rng = np.random.default_rng(SEED)
    drawn = [_redrawn(measure, one, rng) for one in (base, run)]
    low, high = np.quantile(drawn[1] - drawn[0], [0.025, 0.975])
    return float(low), float(high)


def _range(measure: _Measure, sample: _Sample | _Share) -> tuple[float, float] | None:
    """Return a single value ± its doubt, or the middle 95 % of the resampled statistic of several; None: unknown."""
    if isinstance(sample, _Share) or sample.doubt is None or not len(sample):
        return None
    if len(sample) == 1:
        value, doubt = float(sample.values[0]), float(sample.doubt[0])
        return value - doubt, value + doubt
    low, high = np.quantile(_redrawn(measure, sample, np.random.default_rng(SEED)), [0.025, 0.975])
    return float(low), float(high)


def _redrawn(measure: _Measure, sample: _Sample | _Share, rng: np.random.Generator) -> Values:
    """Return the statistic of each resampled set, shape (DRAWS,), spread by sqrt(n / (n - 1)) for small samples."""
    if isinstance(sample, _Share):
        share = sample.hits / sample.n
        return _spread(share, rng.binomial(sample.n, share, DRAWS) / sample.n, sample.n)
    step = max(1, -(-len(sample) // MOST_DRAWN))
    values = sample.values[::step]
    rows = max(1, 2_000_000 // len(values))
    pieces = []
    for begin in range(0, DRAWS, rows):
        draws = rng.integers(0, len(values), (min(rows, DRAWS - begin), len(values)))
        drawn = values[draws]
        if sample.doubt is not None:
            drawn = drawn + sample.doubt[::step][draws] * rng.uniform(-1.0, 1.0, draws.shape)
        pieces.append(measure.statistic(drawn, 1))
    redrawn = np.concatenate(pieces)
    return _spread(float(measure.statistic(values[None, :], 1)[0]), redrawn, len(values))


def _spread(middle: float, redrawn: Values, n: int) -> Values:
    return middle + (redrawn - middle) * math.sqrt(n / (n - 1))


def _of_trips(name: str) -> Callable[[Run, list[Trip]], _Sample]:
    def sample(run: Run, trips: list[Trip]) -> _Sample:
        known = [trip for trip in trips if getattr(trip, name) is not None]
        values = np.array([getattr(trip, name) for trip in known], dtype=np.float64)
        instants = [[getattr(trip, instant) for instant in TRIP_MEASURES[name]] for trip in known]
        doubt = [sum(one.half_width for one in both if one is not None) for both in instants]
        return _Sample(values, np.array(doubt, dtype=np.float64))

    return sample


def _median(values: Values, axis: int) -> Values:
    return np.asarray(np.median(values, axis=axis))


def _max(values: Values, axis: int) -> Values:
    return np.asarray(np.max(values, axis=axis))


def _mean(values: Values, axis: int) -> Values:
    return np.asarray(np.mean(values, axis=axis))


def _quantile(share: float) -> Callable[[Values, int], Values]:
    return lambda values, axis: np.asarray(np.quantile(values, share, axis=axis))


def _ok_latency_ms(run: Run, trips: list[Trip]) -> _Sample:
    """Return the latencies of 2xx, thinned evenly by rank, which keeps the quantiles."""
    latencies = run.tally.latencies(fine=True)
    n = len(latencies)
    step = max(1, -(-n // MOST_DRAWN))
    return _Sample(latencies.at(np.arange(step // 2, n, step)) / 1000, n=n)


def _ok_share(run: Run, trips: list[Trip]) -> _Share:
    return _Share(run.tally.count("2xx"), run.tally.total)


def _absorbed(run: Run, trips: list[Trip]) -> _Share:
    """Return the share of sheds among all requests that were shed or throttled."""
    shed, throttled = run.tally.count("shed"), run.tally.count("429 backend")
    return _Share(shed, shed + throttled)


def _per_second(run: Run, trips: list[Trip]) -> _Sample:
    seconds = run.tally.service_of(None)
    return _Sample(seconds[:, 0].astype(np.float64))


MEASURES: tuple[_Measure, ...] = (
    *(_Measure(f"{name}.median", _of_trips(name), _median) for name in TRIP_MEASURES),
    *(_Measure(f"{name}.max", _of_trips(name), _max) for name in TRIP_MEASURES),
    _Measure("latency_ms.p50", _ok_latency_ms, _quantile(0.5)),
    _Measure("latency_ms.p99", _ok_latency_ms, _quantile(0.99)),
    _Measure("ok_share", _ok_share, _mean),
    _Measure("absorption", _absorbed, _mean),
    _Measure("rate_s", _per_second, _mean),
)
"""The compared measures. `latency_ms`: of 2xx, from their intended start. `rate_s`: requests started per second."""


def values_of_run(run: Run) -> dict[str, float | None]:
    """Return the run's value of every compared measure, by name; None: it was not observed."""
    trips = analyse(run).trips
    return {measure.name: _value(measure, measure.sample(run, trips)) for measure in MEASURES}


def differences(base: Run, run: Run, but: tuple[str, ...] = ()) -> list[str]:
    """Return a clause for each difference between the runs' lab, scenario, target and version.

    `but`: keys of lab and scenario that may differ.
    """
    found = []
    for name, one, other in (("lab", base.lab, run.lab), ("scenario", base.scenario, run.scenario)):
        before, after = one.model_dump(mode="json"), other.model_dump(mode="json")
        keys = [key for key in before if before[key] != after[key] and key not in but]
        if keys:
            found.append(f"{name}: {one.name} and {other.name} differ in {', '.join(keys)}")
    for name in ("target", "tripcurve"):
        before, after = getattr(base.info, name), getattr(run.info, name)
        if before != after:
            what = "version" if name == "tripcurve" else name
            found.append(f"{what}: {before or 'unknown'} and {after or 'unknown'}")
    return found
