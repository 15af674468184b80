"""Reports how many instances the gateway has, each with a breaker of its own, and how certain that is."""

from __future__ import annotations

from reports.trips.instance_count import InstanceCount
from tripcurve.run.instances import Instances

__all__ = ["instance_notes", "instances"]

SHOWN = "the order of sheds and answers shows"
GROUP = "each trip is that of the whole group"


def instances(found: InstanceCount | None) -> Instances | None:
    """Return the part `instances` of the summary, or None if nothing had to be inferred."""
    if found is None:
        return None
    return Instances(
        stated=found.stated,
        estimate=found.estimate,
        probability=found.probability,
        certain=found.certain,
        candidates={str(number): probability for number, probability in found.candidates.items()},
        reason=found.reason,
    )


def instance_notes(found: InstanceCount | None) -> list[str]:
    """Return a sentence on the number of instances, unless it is as the lab says."""
    if found is None or (found.certain and found.estimate == found.stated):
        return []
    if not found.certain:
        return [_uncertain(found)]
    if found.estimate == 1:
        return [f"{SHOWN} that the gateway has 1 instance, so 1 breaker for each backend"]
    number = f"{found.estimate} instances, each with breakers of its own; {GROUP}"
    if found.stated is None:
        return [f"{SHOWN} that the gateway has {number}"]
    return [f"the lab says {found.stated} unit, but {SHOWN} {number}"]


def _uncertain(found: InstanceCount) -> str:
    likely = sorted(found.candidates.items(), key=lambda one: -one[1])[:3]
    numbers = ", ".join(f"{number} ({probability:.1%})" for number, probability in likely)
    possible = f"; most likely {numbers}" if numbers else ""
    if found.stated is None:
        text = f"the number of the gateway's instances cannot be inferred with certainty: {found.reason}{possible}"
        return f"{text}; the trips are found as if there were up to {found.assumed}"
    return (
        "a breaker closed sooner than the lab's rule allows: the gateway has several instances, or another rule; "
        f"which of both cannot be inferred: {found.reason}{possible}"
    )
