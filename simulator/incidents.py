"""The incidents by which rules are judged, as scenarios: a brown-out, a hard failure, a quota and slow answers."""

from __future__ import annotations

from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.lab.model import Limits
from tripcurve.scenario import Fault, Phase, Scenario, Tokens

__all__ = ["INCIDENTS", "KINDS", "incident", "lab_for"]

KINDS = {
    "brown-out": "three in ten answers of the first backend are failures",
    "hard-fail": "every answer of the first backend is a failure",
    "quota": "clients ask for twice as many requests as the first backend's quota admits",
    "slow": "the first backend answers later than clients wait",
}
INCIDENTS = tuple(KINDS)
BROWN_OUT_SHARE = 0.3
TIMEOUT_S = 10.0
"""How long clients wait for an answer, s."""
BEFORE_S = 5.0
"""Healthy time before each incident, s."""
DURING = "incident"
"""The name of the phase in which the first backend is sick."""


def incident(kind: str, lab: Lab, *, rate: float, during_s: float, after_s: float, retries: int = 0) -> Scenario:
    """Return an incident as a scenario for a lab.

    `rate`: requests per second, a Poisson process; doubled during the incident `quota`. The first backend is healthy
    for 5 s, sick for `during_s` and healthy for `after_s`. `retries`: of each client, without a pause. Raises BadInput
    for an unknown kind, or if the lab's rule does not count any status.
    """
    if kind not in KINDS:
        raise BadInput(f"unknown incident {kind!r}; the kinds are: {', '.join(KINDS)}")
    first = lab.backends[0].name
    status = _failing_status(lab)
    faults = {
        "brown-out": {first: Fault(status=status, share=BROWN_OUT_SHARE)},
        "hard-fail": {first: Fault(status=status)},
        "slow": {first: Fault(wait_ms=(TIMEOUT_S + 5.0) * 1000)},
        "quota": {},
    }[kind]
    phases = (
        Phase(name="before", duration_s=BEFORE_S, rate=rate),
        Phase(name=DURING, duration_s=during_s, rate=rate * (2 if kind == "quota" else 1), simulate=faults),
        Phase(name="after", duration_s=after_s, rate=rate),
    )
    user = "StormChatUser" if retries else "ChatUser"
    return Scenario(
        name=kind,
        users={user: 1},
        arrivals="poisson",
        timeout=TIMEOUT_S,
        max_retries=retries,
        tokens=Tokens(),
        phases=phases,
    )


def lab_for(kind: str, lab: Lab, rate: float) -> Lab:
    """Return the lab for an incident: for `quota`, the first backend admits `rate` requests per second."""
    if kind != "quota":
        return lab
    first = lab.backends[0].model_copy(update={"limits": Limits(rpm=max(round(rate * 60), 1))})
    return lab.model_copy(update={"backends": (first, *lab.backends[1:])})


def _failing_status(lab: Lab) -> int:
    """Return a status that the first backend's rule counts as a failure. Raises BadInput if there is none."""
    rule = lab.backends[0].breaker
    if rule is None:
        raise BadInput(f"lab {lab.name}: backend {lab.backends[0].name} has no breaker whose rule could be tuned")
    for preferred in (429, 500):
        if rule.counts_status(preferred):
            return preferred
    if not rule.status_codes:
        raise BadInput(f"lab {lab.name}: the rule counts no status, so no incident can be simulated for it")
    return rule.status_codes[0][0]
