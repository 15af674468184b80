"""`tripcurve tune`: tries rules in virtual time, and lists those that no other rule dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean

from pydantic import JsonValue, ValidationError

from simulator.calibration import calibrate
from simulator.commands.simulate import with_units
from simulator.engines import Engine, Local
from simulator.fast.limits import refuse_other_rules
from simulator.frontier import advise, frontier, kept_off
from simulator.incidents import INCIDENTS
from simulator.recorded import read_recorded
from simulator.trials import Estimate, Plan, Trial, estimate, try_rules
from tripcurve.durations import format_iso, parse_seconds
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab
from tripcurve.lab.rule import BreakerRule

__all__ = ["Grid", "Tuned", "candidates", "durations_of", "to_json", "tune_lab", "weights_of"]

MOST_RULES = 500
LONGEST_PHASE_S = 7 * 86_400
"""The longest phase of a scenario."""


@dataclass(frozen=True)
class Grid:
    """The values to try, with times in seconds. Empty: some values around the lab's own."""

    counts: Sequence[int] = ()
    percentages: Sequence[int] = ()
    intervals: Sequence[float] = ()
    durations: Sequence[float] = ()
    retry_after: Sequence[bool] = ()


@dataclass(frozen=True)
class Tuned:
    """The result of tuning. `trials`: every rule, the lab's own first. `without`: the same without a breaker.

    `best`: the rules of the frontier. `advised`: the rule to use; None: no rule meets the demands. `least_kept_off` and
    `most_false_trips`: the demands, see `frontier.advise`.
    """

    lab: Lab
    plan: Plan
    without: Trial
    trials: list[Trial]
    best: list[Trial]
    advised: Trial | None
    least_kept_off: float
    most_false_trips: float

    @property
    def own(self) -> Trial:
        """The trial of the lab's own rule."""
        return self.trials[0]


def tune_lab(
    lab_name: str,
    grid: Grid,
    plan: Plan,
    *,
    units: int | None = None,
    healthy_from: Path | None = None,
    least_kept_off: float | None = None,
    most_false_trips: float = 1.0,
    engine: Engine | None = None,
) -> Tuned:
    """Try every rule of a grid on a lab.

    `units` None: the lab's. If `plan.during_s` or `plan.after_s` is 0, it is derived from the rules. `healthy_from`: a
    recorded run whose phases without faults give the failure share of a healthy backend; None: the plan's share.
    `least_kept_off`: the share of the sick backend's load that the advised rule must keep off; None: as much as the
    lab's own rule. `most_false_trips`: per day. `engine`: where the trials are computed; None: on all cores. Raises
    BadInput for a lab, grid or run that cannot be used.
    """
    lab = load_lab(lab_name)
    refuse_other_rules(lab)
    if units is not None:
        lab = with_units(lab, units)
    own = lab.backends[0].breaker
    if own is None:
        raise BadInput(f"lab {lab.name}: backend {lab.backends[0].name} has no breaker whose rule could be tuned")
    rules = candidates(own, grid)
    plan = _completed(plan, own, rules)
    if healthy_from is not None:
        plan = replace(plan, healthy_share=_healthy_share(healthy_from))
    without, *trials = try_rules(lab, [None, *rules], plan, engine or Local())
    best = frontier(trials)
    least = kept_off(trials[0], without).mean if least_kept_off is None else least_kept_off
    advised = advise(best, without, least_kept_off=least, most_false_trips=most_false_trips)
    return Tuned(lab, plan, without, trials, best, advised, least, most_false_trips)


def candidates(own: BreakerRule, grid: Grid) -> list[BreakerRule]:
    """Return the distinct rules of a grid, the lab's own first. Raises BadInput for too many, or for an invalid one."""
    conditions: list[tuple[str, int]] = [("count", count) for count in grid.counts]
    conditions += [("percentage", percentage) for percentage in grid.percentages]
    if not conditions:
        conditions = [("count", count) for count in (1, 2, 3, 5, 10)] if own.count is not None else []
        conditions += [("percentage", each) for each in (10, 25, 50)] if own.percentage is not None else []
    intervals = grid.intervals or (own.interval / 5, own.interval)
    durations = grid.durations or tuple(own.trip_duration * factor for factor in (0.25, 0.5, 1.0, 2.0))
    heeds = grid.retry_after or (own.accept_retry_after,)
    size = len(conditions) * len(intervals) * len(durations) * len(heeds)
    if size > MOST_RULES:
        raise BadInput(f"{size:,} rules are too many to try (at most {MOST_RULES}); give fewer values")
    tried = (_rule(own, *values) for values in product(conditions, intervals, durations, heeds))
    return list(dict.fromkeys([own, *tried]))


def _rule(
    own: BreakerRule, condition: tuple[str, int], interval: float, trip_duration: float, heed: bool
) -> BreakerRule:
    name, value = condition
    fields = own.model_dump(exclude={"count", "percentage"}) | {
        name: value,
        "interval": interval,
        "trip_duration": trip_duration,
        "accept_retry_after": heed,
    }
    try:
        return BreakerRule.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        option = {"interval": "--interval", "trip_duration": "--duration"}.get(str(wrong["loc"][0]), f"--{name}")
        raise BadInput(f"{option} {wrong['input']}: {wrong['msg'].lower()}") from None


def weights_of(text: str) -> dict[str, float]:
    """Parse weights such as `brown-out=2,slow=1`. Raises BadInput for an unknown incident or an invalid weight."""
    weights: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name not in INCIDENTS:
            raise BadInput(f"--weights: unknown incident {name!r}; the incidents are: {', '.join(INCIDENTS)}")
        try:
            weights[name] = float(value or 1)
        except ValueError:
            raise BadInput(f"--weights: {part!r}: write a number, such as {name}=1") from None
        if not 0 <= weights[name] < 1e6:
            raise BadInput(f"--weights: {part!r}: the weight must be 0 or more, and less than a million")
    used = {name: weight for name, weight in weights.items() if weight}
    if not used:
        raise BadInput("--weights: no incident has a weight, so there is nothing to tune for")
    return used


def durations_of(text: str, option: str) -> tuple[float, ...]:
    """Parse durations such as `PT10S,60` and return seconds. Raises BadInput, which names `option`."""
    try:
        return tuple(parse_seconds(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from None


def _completed(plan: Plan, own: BreakerRule, rules: Sequence[BreakerRule]) -> Plan:
    """Return the plan with its missing times, from the trip durations of the lab's own rule and of the longest one.

    Raises BadInput if that is longer than a phase may be.
    """
    longest = max(rule.trip_duration for rule in rules)
    during_s, after_s = plan.during_s or 2 * own.trip_duration, plan.after_s or longest + own.trip_duration
    if max(during_s, after_s) > LONGEST_PHASE_S:
        raise BadInput(
            f"--duration: a trip of {format_iso(longest)} would need {max(during_s, after_s):g} s of virtual time, and "
            f"a phase lasts at most {LONGEST_PHASE_S:g} s; try shorter trips"
        )
    return replace(plan, during_s=during_s, after_s=after_s)


def _healthy_share(run: Path) -> float:
    """Return the share of failures in the phases of a run that simulate none. Raises BadInput."""
    recorded = read_recorded(run)
    healthy = {phase.name for phase in recorded.scenario.phases if not phase.simulate}
    found = [fault for fault in calibrate(recorded)[2].faults if fault.phase in healthy]
    answers = sum(fault.n for fault in found)
    if not answers:
        raise BadInput(f"--from {run}: the run has no phase without simulated faults to take a failure share from")
    return sum(fault.failed for fault in found) / answers


def to_json(tuned: Tuned) -> dict[str, JsonValue]:
    """Return the whole result as JSON values."""
    plan = tuned.plan
    return {
        "lab": tuned.lab.name,
        "incidents": dict(plan.weights),
        "rate": plan.rate,
        "during_s": plan.during_s,
        "after_s": plan.after_s,
        "healthy_failure_share": plan.healthy_share,
        "retries": plan.retries,
        "units": tuned.lab.units,
        "seeds": len(plan.seeds),
        "least_kept_off": tuned.least_kept_off,
        "most_false_trips_a_day": tuned.most_false_trips,
        "outage_without_breaker_s": _numbers(estimate(tuned.without.outage_s)),
        "own": _entry(tuned, tuned.own),
        "frontier": [_entry(tuned, trial) for trial in tuned.best],
        "advised": None if tuned.advised is None else _entry(tuned, tuned.advised),
        "tried": [_entry(tuned, trial) for trial in tuned.trials],
    }


def _entry(tuned: Tuned, trial: Trial) -> dict[str, JsonValue]:
    return {
        "rule": None if trial.rule is None else trial.rule.model_dump(mode="json", exclude_none=True),
        "outage_s": _numbers(estimate(trial.outage_s)),
        "kept_off": _numbers(kept_off(trial, tuned.without)),
        "false_trips_a_day": _numbers(trial.false_trips_a_day),
        "asked": fmean(trial.asked),
    }


def _numbers(value: Estimate) -> JsonValue:
    return {"mean": value.mean, "low": value.low, "high": value.high}
