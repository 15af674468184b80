"""Create or correct a lab: plan, carry out each step in order, and return the target that traffic needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provision.lifecycle.azure_errors import explained
from provision.lifecycle.orphans import orphans_of
from provision.lifecycle.patience import Patience, pausing
from provision.lifecycle.plan import Plan, Step, make_plan
from provision.lifecycle.progress import DONE_WORDS, Progress, Silent
from provision.lifecycle.ready import wait_for_answer
from provision.lifecycle.state import GatewayAccess, State, StateFile
from provision.resources.backend import BackendEntity
from provision.resources.base import Context, Resource, SoftDeleting
from provision.resources.clients import Clients
from provision.resources.clouds import Cloud
from provision.resources.graph import gateway_of, lab_resources
from tripcurve.errors import TargetUnavailable
from tripcurve.lab import POLICIES, Lab, policy_path
from tripcurve.shipped import find_file
from tripcurve.target import Target

__all__ = ["Applied", "apply_lab", "open_context", "plan_lab", "plan_of", "provision_lab", "rules_of", "target_of"]

WAIT_LIMIT_S = 5400.0
"""Longest wait in seconds for a resource that another process is creating; the slowest gateway takes less."""


class Applied:
    """The result of `apply_lab`: the plan it carried out and the target of the lab."""

    def __init__(self, plan: Plan, target: Target) -> None:
        self.plan = plan
        self.target = target


@contextmanager
def open_context(lab: Lab, cloud: Cloud, lab_file: Path | None = None) -> Iterator[Context]:
    """Yield a context and close its clients at the end. Errors of the SDK leave it as TripcurveError.

    `lab_file` is the file that the lab was read from; the path of its policy is relative to it. None: the policy is
    a built-in one, or its path is relative to the working directory.
    """
    policy = find_file(lab.api.policy, POLICIES, ".xml", "policy") if lab_file is None else policy_path(lab, lab_file)
    clients = Clients(cloud)
    try:
        with explained(cloud):
            yield Context(lab, cloud, clients, policy, lab_file)
    finally:
        clients.close()


def plan_steps(context: Context, remembered: State) -> list[Step]:
    """Return the steps that would make the cloud match the lab. Raises as `plan_lab` does."""
    resources = lab_resources(context)
    return make_plan(resources, orphans_of(context, resources, remembered), remembered)


def plan_of(context: Context, steps: list[Step]) -> Plan:
    """Return the steps as a plan."""
    return Plan(
        lab=context.lab.name,
        cloud=context.cloud.kind,
        subscription_id=context.cloud.subscription_id,
        resource_group=context.lab.resource_group,
        actions=[step.action for step in steps],
    )


def plan_lab(
    lab: Lab,
    cloud: Cloud,
    *,
    progress: Progress | None = None,
    lab_file: Path | None = None,
    state: StateFile | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Plan:
    """Return what `apply_lab` would do now. Changes nothing.

    Raises BadInput for a lab that contradicts what exists, TargetUnavailable for a cloud that
    cannot be reached or used.
    """
    remembered = (StateFile.in_memory(lab, cloud) if state is None else state).load()
    with open_context(lab, cloud, lab_file) as context:
        context.clients.pause = pausing(progress or Silent(), sleep)
        return plan_of(context, plan_steps(context, remembered))


def provision_lab(
    lab: Lab,
    cloud: Cloud,
    *,
    progress: Progress | None = None,
    lab_file: Path | None = None,
    state: StateFile | None = None,
) -> Target:
    """Make the cloud match the lab and return its target, without asking its model. A second call changes nothing.

    Raises as `apply_lab` does.
    """
    return apply_lab(lab, cloud, progress=progress, lab_file=lab_file, state=state, until_answered=False).target


def apply_lab(
    lab: Lab,
    cloud: Cloud,
    *,
    progress: Progress | None = None,
    lab_file: Path | None = None,
    state: StateFile | None = None,
    sleep: Callable[[float], None] = time.sleep,
    until_answered: bool = True,
) -> Applied:
    """Plan, carry the plan out step by step, then wait until the model answers, unless `until_answered` is False.

    Finished steps are kept when a step fails or the process is killed: the next call continues from there. With
    `state` None the state is kept in memory only. Raises BadInput or TargetUnavailable, each with its remedy.
    """
    progress = Silent() if progress is None else progress
    file = StateFile.in_memory(lab, cloud) if state is None else state
    with file.locked() as remembered, open_context(lab, cloud, lab_file) as context:
        context.heartbeat = progress.lasting
        context.clients.pause = pausing(progress, sleep)
        steps = _settled_plan(context, remembered, progress, sleep)
        patience = Patience(sleep, cloud.poll_s, cloud.outage_s, progress)
        for step in steps:
            _carry_out(step, remembered, file, patience)
        remembered.endpoint = _endpoint(context, steps)
        file.save(remembered)
        target = target_of(remembered, cloud)
        if until_answered:
            wait_for_answer(lab, target, cloud, progress, sleep)
        return Applied(plan_of(context, steps), target)


def _settled_plan(
    context: Context, remembered: State, progress: Progress, sleep: Callable[[float], None]
) -> list[Step]:
    """Wait until no resource is still being created by an interrupted `up`, and return the plan after that."""
    waited, steps = 0.0, plan_steps(context, remembered)
    waiting = _waiting(steps)
    if waiting is None:
        return steps
    what = f"{waiting.action.type} {waiting.action.name}"
    progress.started("wait", what, waiting.resource.slow)
    while _waiting(steps) is not None:
        if waited >= WAIT_LIMIT_S:
            progress.finished("failed")
            raise TargetUnavailable(
                f"{what} is still being created after {waited / 60:.0f} minutes; check its state in the portal"
            )
        sleep(context.cloud.poll_s)
        waited += context.cloud.poll_s
        progress.lasting()
        steps = plan_steps(context, remembered)
    progress.finished(DONE_WORDS["wait"])
    return steps


def _waiting(steps: list[Step]) -> Step | None:
    return next((step for step in steps if step.action.action == "wait"), None)


def _carry_out(step: Step, remembered: State, file: StateFile, patience: Patience) -> None:
    action, resource, progress = step.action, step.resource, patience.progress
    slow = resource.slow if action.action == "create" and resource.context.cloud.kind == "azure" else None
    progress.started(action.action, f"{action.type} {action.name}", slow)
    if action.action == "create":
        remembered.will_create(resource.id)
        file.save(remembered)
    try:
        if action.action == "delete":
            patience.delete(resource)
        elif action.action != "leave":
            patience.put(step)
    except BaseException as error:
        progress.finished("failed" if isinstance(error, Exception) else "stopped")
        raise
    if action.action == "delete":
        remembered.has_deleted(resource.id, soft=isinstance(resource, SoftDeleting))
        file.save(remembered)
    progress.finished(DONE_WORDS[action.action])


def _endpoint(context: Context, steps: list[Step]) -> GatewayAccess:
    gateway = gateway_of([step.resource for step in steps])
    return GatewayAccess(
        gateway_url=(context.gateway_url or "").rstrip("/"),
        api_key=gateway.api_key(),
        deployment=context.lab.model.deployment,
        api_version=context.lab.api.version,
        api_path=context.lab.api.path,
        rules=rules_of([step.resource for step in steps if step.action.action != "delete"]),
    )


def rules_of(resources: list[Resource]) -> dict[str, dict[str, Any] | None]:
    """Return each existing backend's rule as the service has it; None for a backend without a rule."""
    read = {entity.name: entity.read() for entity in resources if isinstance(entity, BackendEntity)}
    return {name: found.fields["breaker"] for name, found in read.items() if found is not None}


def target_of(state: State, cloud: Cloud) -> Target:
    """Return the target of a lab that is up, with the addresses of the local cloud if it runs there."""
    assert state.endpoint is not None  # noqa: S101  # callers have checked or just made it
    endpoint = state.endpoint.model_dump()
    return Target.model_validate({**cloud.connection, **endpoint, "kind": cloud.kind})
