"""The kinds of gateways, one file for each: how their answers are recognised, and what their rule means.

`profile_of` returns the profile for a lab. To add a kind, write a file like `portkey.py`, add its name to
`tripcurve.lab.gateway.Kind`, and list it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tripcurve.errors import BadInput
from tripcurve.field_errors import FieldError
from tripcurve.gateways import apim, envoy, generic, litellm, portkey
from tripcurve.gateways.profile import UNAVAILABLE, Export, Expression, GatewayProfile, Pattern
from tripcurve.lab.gateway import DEFAULT_KIND, Kind
from tripcurve.lab.model import Lab
from tripcurve.lab.rule import BreakerRule

__all__ = [
    "UNAVAILABLE",
    "Expression",
    "GatewayProfile",
    "Pattern",
    "check_on_azure",
    "export_of",
    "is_default",
    "lab_problems",
    "profile_of",
]

_PROFILES: Mapping[Kind, Callable[[Lab], GatewayProfile]] = {
    "apim": apim.profile,
    "envoy": envoy.profile,
    "litellm": litellm.profile,
    "portkey": portkey.profile,
    "generic": generic.profile,
}


def profile_of(lab: Lab) -> GatewayProfile:
    """Return the profile of the lab's gateway."""
    return _PROFILES[lab.gateway.kind](lab)


def is_default(lab: Lab) -> bool:
    """Return whether the lab's gateway is of the default kind, whose rule has the lab's own terms."""
    return lab.gateway.kind == DEFAULT_KIND


def lab_problems(lab: Lab) -> tuple[FieldError, ...]:
    """Return what the lab's kind of gateway cannot do, each with its field and the remedy; empty: nothing."""
    profile = profile_of(lab)
    rules = [(index, backend.breaker) for index, backend in enumerate(lab.backends) if backend.breaker is not None]
    found = [
        FieldError(f"backends[{index}].breaker.{each.field}", each.message)
        for index, rule in rules
        for each in profile.express(rule).refused
    ]
    if profile.one_rule and len({_without_name(backend.breaker) for backend in lab.backends}) > 1:
        remedy = f"{profile.title} has one rule for all its backends; give every backend the same breaker"
        found.append(FieldError("backends", remedy))
    return tuple(found)


def export_of(lab: Lab) -> Export:
    """Return what Azure records of the lab's gateway. Raises BadInput if it records nothing."""
    profile = profile_of(lab)
    if profile.truth.export is None:
        how = profile.truth.how
        raise BadInput(f"the run used {profile.title}, of which Azure keeps no record; its own truth: {how}")
    return profile.truth.export


def check_on_azure(lab: Lab) -> None:
    """Raise BadInput if the lab's gateway is of a kind that Azure does not have."""
    if not is_default(lab):
        kind = lab.gateway.kind
        raise BadInput(
            f"lab {lab.name}: gateway.kind: {kind} is no gateway of Azure; `tripcurve run` starts it here, or takes "
            "the URL of one that runs elsewhere as --target"
        )


def _without_name(rule: BreakerRule | None) -> BreakerRule | None:
    return None if rule is None else rule.model_copy(update={"name": ""})
