"""The state of a lab: the resources that exist, the fields that drifted, and the breaker rules in force."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from provision.lifecycle.apply import open_context, plan_of
from provision.lifecycle.orphans import orphans_of
from provision.lifecycle.patience import pausing
from provision.lifecycle.plan import Action, Step, survey
from provision.lifecycle.progress import Progress, Silent
from provision.lifecycle.state import StateFile
from provision.resources.clouds import Cloud
from provision.resources.graph import lab_resources
from tripcurve.errors import TargetUnavailable
from tripcurve.lab import Lab

__all__ = ["LabStatus", "rule_in_force", "status_lab"]


class LabStatus(BaseModel):
    """The state of a lab. `rules` are read back from the service; None for a backend without one.

    `up`: everything matches the lab. `drifted`: every resource exists and at least one differs. `partial`: a resource
    is missing or still being created. `down`: no resource exists.
    """

    lab: str
    cloud: str
    subscription_id: str
    resource_group: str
    standing: Literal["up", "drifted", "partial", "down"]
    gateway_url: str | None
    rules: dict[str, dict[str, Any] | None]
    resources: list[Action]
    soft_deleted: list[str]


def status_lab(
    lab: Lab,
    cloud: Cloud,
    *,
    progress: Progress | None = None,
    lab_file: Path | None = None,
    state: StateFile | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> LabStatus:
    """Return the lab's state on the cloud. Changes nothing. Raises TargetUnavailable if it cannot be read."""
    remembered = (StateFile.in_memory(lab, cloud) if state is None else state).load()
    with open_context(lab, cloud, lab_file) as context:
        context.clients.pause = pausing(progress or Silent(), sleep)
        resources = lab_resources(context)
        steps = survey(resources, orphans_of(context, resources, remembered), remembered)
        plan = plan_of(context, steps)
        return LabStatus(
            **plan.model_dump(exclude={"actions"}),
            standing=_standing(steps),
            gateway_url=context.gateway_url,
            rules=_rules(steps),
            resources=plan.actions,
            soft_deleted=[arm_id.rsplit("/", 1)[-1] for arm_id in remembered.deleted],
        )


def rule_in_force(lab: Lab, cloud: Cloud, *, lab_file: Path | None = None) -> dict[str, dict[str, Any] | None]:
    """Return each backend's breaker rule as the service has it now, with the lab's field names; None if it has none.

    Raises TargetUnavailable when a backend does not exist.
    """
    status = status_lab(lab, cloud, lab_file=lab_file)
    missing = [backend.name for backend in lab.backends if backend.name not in status.rules]
    if missing:
        raise TargetUnavailable(f"backend {missing[0]} does not exist; run `tripcurve up {lab.name}`")
    return status.rules


def _standing(steps: list[Step]) -> Literal["up", "drifted", "partial", "down"]:
    wanted = [step for step in steps if step.action.action != "delete"]
    if all(step.found is None or not step.action.ours for step in wanted):
        return "down"
    if any(step.found is None or step.action.action == "wait" for step in wanted):
        return "partial"
    return "up" if all(step.action.action == "leave" for step in steps) else "drifted"


def _rules(steps: list[Step]) -> dict[str, dict[str, Any] | None]:
    return {
        step.resource.name: step.found.fields["breaker"]
        for step in steps
        if step.action.type == "backend" and step.found is not None
    }
