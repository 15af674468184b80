"""Run all checks of a lab. A check that the service refuses becomes a finding itself, and the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from provision.doctor.findings import Diagnosis, Finding, fault_of, ok, unchecked, warning
from provision.doctor.machine import locust_version, open_files, policy
from provision.doctor.names import names
from provision.doctor.offer import gateway_tier, models, providers
from provision.doctor.permissions import permissions
from provision.doctor.quota import model_quota, site_quota
from provision.doctor.sign_in import sign_in
from provision.lifecycle.apply import open_context, plan_of, plan_steps
from provision.lifecycle.azure_errors import explained
from provision.lifecycle.state import State, StateFile
from provision.resources.base import Context
from provision.resources.clouds import Cloud
from tripcurve.errors import TripcurveError
from tripcurve.lab import Lab

__all__ = ["examine"]

Check = Callable[[Context], list[Finding]]

CHECKS: dict[str, Check] = {
    "provider": providers,
    "permissions": permissions,
    "gateway tier": gateway_tier,
    "model": models,
    "quota": lambda context: [*model_quota(context), *site_quota(context)],
    "name": names,
}
"""The checks that need a sign-in, each by the name that its finding has if it cannot be made."""


def examine(
    lab: Lab,
    cloud: Cloud | TripcurveError,
    lab_file: Path,
    state: StateFile | None = None,
    wall_clock: Callable[[], float] = time.time,
) -> Diagnosis:
    """Return the findings of all checks. Changes nothing.

    `cloud`: the cloud of the lab, or why there is none. `state` None: this lab created nothing yet. `wall_clock`
    returns this machine's unix time in seconds.
    """
    findings = [*open_files(), *locust_version(), *policy(lab_file)]
    if isinstance(cloud, TripcurveError):
        findings += [fault_of("sign-in", cloud), _not_made()]
        return _diagnosis(lab, None, findings)
    with open_context(lab, cloud, lab_file) as context:
        remembered = (StateFile.in_memory(lab, cloud) if state is None else state).load()
        findings += _in_cloud(context, remembered, wall_clock)
    return _diagnosis(lab, cloud, findings)


def _diagnosis(lab: Lab, cloud: Cloud | None, findings: list[Finding]) -> Diagnosis:
    return Diagnosis(
        lab=lab.name,
        cloud="none" if cloud is None else cloud.kind,
        subscription_id=None if cloud is None else cloud.subscription_id,
        resource_group=lab.resource_group,
        findings=findings,
    )


def _in_cloud(context: Context, remembered: State, wall_clock: Callable[[], float]) -> list[Finding]:
    findings = _made("sign-in", partial(sign_in, wall_clock=wall_clock), context, fault_of)
    if _has_error(findings):
        return [*findings, _not_made()]
    findings += [finding for name, check in CHECKS.items() for finding in _made(name, check, context)]
    # The plan's own errors repeat those of the checks, so it is made only without any.
    if _has_error(findings):
        return findings
    return findings + _made("plan", partial(_plan, remembered=remembered), context, fault_of)


def _made(
    name: str,
    check: Check,
    context: Context,
    refused: Callable[[str, TripcurveError], Finding] = unchecked,
) -> list[Finding]:
    """Return the findings of a check; if the service refuses a call, the finding that `refused` makes of the error."""
    try:
        with explained(context.cloud):
            return check(context)
    except TripcurveError as fault:
        return [refused(name, fault)]


def _plan(context: Context, remembered: State) -> list[Finding]:
    """Make the plan of `up`, which finds resources that the lab may not use or cannot change."""
    plan = plan_of(context, plan_steps(context, remembered))
    verbs = [f"{plan.count(verb)} to {verb}" for verb in ("create", "change", "delete") if plan.count(verb)]
    return [ok("plan", ", ".join(verbs) or "nothing to do: everything matches the lab")]


def _has_error(findings: list[Finding]) -> bool:
    return any(finding.level == "error" for finding in findings)


def _not_made() -> Finding:
    return warning(
        "other checks",
        "permissions, providers, regions, models, quotas and names were not checked",
        "correct the sign-in, and run `tripcurve doctor` again",
    )
