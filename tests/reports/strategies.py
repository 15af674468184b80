"""Random rules, faults, loads and networks, for properties that must hold of any run."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.reports.runs import lab_of, scenario_of
from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROUNDING_S = 2e-9
"""Of seconds kept as floats."""

RULES = st.fixed_dictionaries(
    {
        "interval": st.sampled_from([0.5, 1, 10, 60]),
        "trip_duration": st.sampled_from([0.5, 1, 3]),
        "status_codes": st.just([429]),
        "accept_retry_after": st.booleans(),
    }
).flatmap(
    lambda rule: st.one_of(
        st.sampled_from([1, 3, 10]).map(lambda count: {**rule, "count": count}),
        st.sampled_from([20, 50, 100]).map(lambda share: {**rule, "percentage": share}),
    )
)
NETWORKS = st.fixed_dictionaries(
    {"one_way_s": st.sampled_from([1e-4, 1e-3, 2e-2]), "jitter_s": st.sampled_from([0, 1e-3, 2e-2])}
)


@st.composite
def scenarios(draw: st.DrawFn, backend: str = "m1") -> Scenario:
    """A fault in the middle; the run may begin or end within it."""
    broken = {"status": 429, "share": draw(st.sampled_from([0.1, 0.5, 1])), "retry_after_s": draw(st.integers(0, 2))}
    phases: list[dict[str, Any]] = [{"for": draw(st.sampled_from([2, 5])), "simulate": {backend: broken}}]
    if draw(st.booleans()):
        phases.insert(0, {"for": 2})
    if draw(st.booleans()):
        phases.append({"for": draw(st.sampled_from([1, 4]))})
    arrivals = draw(st.sampled_from(["constant", "poisson"]))
    users = {"ChatUser": 5, "ProbeUser": draw(st.integers(0, 1))}
    return scenario_of(*phases, rate=draw(st.sampled_from([2, 20, 100])), arrivals=arrivals, users=users)


def pool_of(
    rule: dict[str, Any], priorities: tuple[int | None, ...], weights: tuple[int, ...], weighting: str, retries: int
) -> Lab:
    members = [
        {"name": f"m{index}", "priority": priority, "weight": weight, "breaker": rule}
        for index, (priority, weight) in enumerate(zip(priorities, weights, strict=False), 1)
    ]
    policy = "pool-retry.xml" if retries else "single-backend.xml"
    return lab_of(backends=members, local={"pool_weighting": weighting}, api={"policy": policy})
