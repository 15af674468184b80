"""Sentences about a run's kind of gateway: its rule in its own terms, and whether any answer looks like its own."""

from __future__ import annotations

from reports.loading.run import Run
from tripcurve.gateways import Expression, GatewayProfile, is_default, profile_of

__all__ = ["gateway_notes", "rule_in_own_terms"]


def gateway_notes(run: Run) -> list[str]:
    """Return the sentences; none for a gateway whose rule the lab states in the gateway's own terms."""
    if is_default(run.lab):
        return []
    profile = profile_of(run.lab)
    rules = [(backend.name, backend.breaker) for backend in run.lab.backends if backend.breaker is not None]
    expressed = [(name, profile.express(rule)) for name, rule in rules]
    notes = [
        f"{profile.title}'s rule for {name}: {rule_in_own_terms(expression)}"
        for name, expression in expressed
        if expression.knobs
    ]
    # Backends often have the same rule, and so the same differences.
    notes += dict.fromkeys(f"not expressed: {text}" for _, each in expressed for text in each.not_expressed)
    if profile.not_alone is not None and rules and len(run.lab.backends) == 1:
        notes.append(profile.not_alone)
    return [*notes, *_nothing_fits(run, profile)]


def rule_in_own_terms(expression: Expression) -> str:
    """Return the settings of a rule as `name value, name value`."""
    return ", ".join(
        f"{name} {'/'.join(value) if isinstance(value, tuple) else value}" for name, value in expression.knobs.items()
    )


def _nothing_fits(run: Run, profile: GatewayProfile) -> list[str]:
    """Return a warning if no answer was recognised by anything that the profile names."""
    kinds = run.tally.kinds
    answered = kinds[kinds["origin"] != "client"]
    recognised = (answered["origin"] != profile.unmarked) | answered["backend"].notna()
    if profile.counting == "none" or not len(answered) or bool(recognised.any()):
        return []
    marks = " or ".join(dict.fromkeys((*profile.backend_headers, *profile.backend_marks)))
    shown = f"none has the header {marks}, and none is a shed" if marks else "none is a shed"
    return [
        f"no answer of this run looks like one of {profile.title}: {shown}; check gateway.kind and the headers in the "
        "lab, and run again"
    ]
