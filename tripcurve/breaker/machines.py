"""Makes the breakers of a lab's backends, as the lab's kind of gateway runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tripcurve.breaker.breaker import Breaker
from tripcurve.breaker.consecutive import Consecutive, Ejection
from tripcurve.breaker.cooldown import Cooldown, CooldownRule
from tripcurve.breaker.machine import Machine
from tripcurve.gateways import profile_of
from tripcurve.lab import Lab
from tripcurve.lab.rule import BreakerRule

__all__ = ["machines_of"]

Machines = dict[str, Machine]
Rules = Mapping[str, BreakerRule]


def machines_of(lab: Lab, sweep_phase: float = 0.0) -> Machines:
    """Return the breakers of one unit of the lab's gateway, by backend. A backend whose breaker never opens has none.

    Knobs are those with which the profile expresses the rule for the real program. `sweep_phase`: the part of an
    interval, from 0 to 1, after which a gateway that looks at its backends at intervals does so first.
    """
    rules = {backend.name: backend.breaker for backend in lab.backends if backend.breaker is not None}
    return _MAKERS[lab.gateway.kind](lab, rules, sweep_phase)


def _apim(lab: Lab, rules: Rules, _sweep_phase: float) -> Machines:
    return {name: Breaker(rule, lab.local) for name, rule in rules.items()}


def _envoy(lab: Lab, rules: Rules, sweep_phase: float) -> Machines:
    """Return one machine for each host. They share the limit on how much of the cluster may be ejected."""
    machines: Machines = {}
    for name, rule in rules.items():
        knob = _numbers(lab, rule)
        most = knob("max_ejection_percent") * len(lab.backends)

        def may_eject(now: float, most: float = most) -> bool:
            return 100 * (1 + sum(not machine.admits(now) for machine in machines.values())) <= most

        settings = Ejection(
            count=int(knob("consecutive_5xx")),
            base_s=knob("base_ejection_time"),
            interval_s=knob("interval"),
            max_s=knob("max_ejection_time"),
            failing=_statuses(profile_of(lab).in_force(rule)),
        )
        machines[name] = Consecutive(settings, sweep_phase * settings.interval_s, may_eject)
    return machines


def _litellm(lab: Lab, rules: Rules, _sweep_phase: float) -> Machines:
    if len(lab.backends) == 1:
        return {}  # LiteLLM never cools down a deployment that is alone in its group
    machines: Machines = {}
    for name, rule in rules.items():
        knob = _numbers(lab, rule)
        failing = _statuses(profile_of(lab).in_force(rule))
        machines[name] = Cooldown(CooldownRule(int(knob("allowed_fails")), knob("cooldown_time"), failing))
    return machines


def _portkey(_lab: Lab, _rules: Rules, _sweep_phase: float) -> Machines:
    return {}  # the open version has no breaker


def _generic(lab: Lab, rules: Rules, _sweep_phase: float) -> Machines:
    """Return the rule's breaker. If it half-opens and has a percentage, the probes are judged by that percentage."""
    return {name: Breaker(rule, lab.local, probe_share=rule.percentage) for name, rule in rules.items()}


_MAKERS: dict[str, Callable[[Lab, Rules, float], Machines]] = {
    "apim": _apim,
    "envoy": _envoy,
    "litellm": _litellm,
    "portkey": _portkey,
    "generic": _generic,
}


def _statuses(rule: BreakerRule) -> frozenset[int]:
    return frozenset(status for status in range(100, 600) if rule.counts_status(status))


def _numbers(lab: Lab, rule: BreakerRule) -> Callable[[str], float]:
    """Return a function that gives the value of a knob by its name. Raises TypeError for one that is no number."""
    knobs = profile_of(lab).express(rule).knobs

    def number(name: str) -> float:
        value = knobs[name]
        if not isinstance(value, int | float):
            raise TypeError(f"{lab.gateway.kind}: knob {name} is {value!r}, which is no number")
        return value

    return number
