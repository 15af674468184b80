"""Take a lab down: delete the resources that `up` created, in reverse order of creation, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from provision.lifecycle.apply import WAIT_LIMIT_S, open_context
from provision.lifecycle.orphans import orphans_of, soft_deleted_of
from provision.lifecycle.patience import Patience, pausing
from provision.lifecycle.plan import Step, survey
from provision.lifecycle.progress import Progress, Silent
from provision.lifecycle.state import State, StateFile
from provision.resources.api import ApiImport
from provision.resources.base import UNKNOWN, Resource, SoftDeleting
from provision.resources.clouds import Cloud
from provision.resources.gateway import GatewayService
from provision.resources.graph import lab_resources
from provision.resources.group import Group
from tripcurve.lab import Lab

__all__ = ["Left", "Removed", "down_lab"]

Sleep = Callable[[float], None]


class Left(BaseModel):
    """A resource that `down` did not delete, and why."""

    type: str
    name: str
    why: str


class Removed(BaseModel):
    """The result of `down`. Names read `gateway quick-aigw-apim`."""

    lab: str
    cloud: str
    deleted: list[str] = []
    purged: list[str] = []
    held: list[str] = []
    """Soft-deleted: the name stays taken until it is purged."""
    free_with: str | None = None
    """The command that frees the held names; None if no name is held."""
    left: list[Left] = []


def down_lab(
    lab: Lab,
    cloud: Cloud,
    *,
    purge: bool = False,
    progress: Progress | None = None,
    lab_file: Path | None = None,
    state: StateFile | None = None,
    sleep: Sleep = time.sleep,
) -> Removed:
    """Delete the resources that this lab created; `purge` also frees the names of those that were soft-deleted.

    A resource is the lab's if its tag names the lab or, for types without tags, if the state file lists it; all others
    are kept. When a step fails, finished deletions stay; the next call continues from there. With `state` None the
    state is kept in memory only. Raises BadInput or TargetUnavailable, each with its remedy.
    """
    file = StateFile.in_memory(lab, cloud) if state is None else state
    with file.locked() as remembered, open_context(lab, cloud, lab_file) as context:
        progress = Silent() if progress is None else progress
        context.heartbeat = progress.lasting
        context.clients.pause = pausing(progress, sleep)
        resources = lab_resources(context)
        steps = survey(resources, orphans_of(context, resources, remembered), remembered)
        work = _Teardown(lab, cloud, remembered, file, progress, sleep)
        # The group comes last, also after the orphans: ARM would delete everything that is still in it.
        for step in [*reversed(steps[1:]), steps[0]]:
            work.remove(step, steps)
        if purge:
            for resource in soft_deleted_of(context, resources, remembered):
                work.purge(resource)
        return work.finish(context.purge_command)


class _Teardown:
    """The deletions of one `down`, each written to the state as it is done."""

    def __init__(
        self, lab: Lab, cloud: Cloud, remembered: State, file: StateFile, progress: Progress, sleep: Sleep
    ) -> None:
        self._sleep = sleep
        self._poll_s = cloud.poll_s
        self._remembered = remembered
        self._file = file
        self._progress = progress
        self._patience = Patience(sleep, cloud.poll_s, cloud.outage_s, progress)
        self._result = Removed(lab=lab.name, cloud=cloud.kind)
        self._gone: set[str] = set()

    def remove(self, step: Step, steps: list[Step]) -> None:
        resource = step.resource
        if step.found is None:
            self._forget(resource, soft=False)
            return
        if not step.action.ours:
            owner = step.found.lab
            self._leave(resource, "existed before this lab" if owner is None else f"belongs to lab {owner}")
            return
        if _goes_with_parent(resource, steps):
            return
        if isinstance(resource, Group) and (others := self._others_in(resource)):
            self._leave(resource, f"still contains {len(others)} not of this lab, such as {others[0]}")
            return
        self._delete(resource)

    def _others_in(self, group: Group) -> list[str]:
        """Return the ARM ids in the group, without those just deleted, which the service still lists for a while."""
        return [_short(arm_id) for arm_id in group.members() if arm_id.lower() not in self._gone]

    def _delete(self, resource: Resource) -> None:
        self._progress.started("delete", f"{resource.type} {resource.name}")
        try:
            self._settle(resource)
            self._patience.delete(resource)
        except BaseException as error:
            self._progress.finished("failed" if isinstance(error, Exception) else "stopped")
            raise
        self._progress.finished("deleted")
        self._forget(resource, soft=isinstance(resource, SoftDeleting))
        self._result.deleted.append(f"{resource.type} {resource.name}")
        self._gone.add(resource.id.lower())

    def _settle(self, resource: Resource) -> None:
        """Wait for a resource that an interrupted `up` is still creating: ARM refuses to delete it until it exists."""
        waited = 0.0
        while (found := resource.read()) is not None and found.in_progress and waited < WAIT_LIMIT_S:
            self._sleep(self._poll_s)
            self._progress.lasting()
            waited += self._poll_s

    def purge(self, resource: SoftDeleting) -> None:
        # Another owner may have taken the freed name and deleted its own resource: only ours may be purged.
        holder = resource.holder()
        if holder is not None and (holder == UNKNOWN or holder.lower() == resource.id.lower()):
            self._progress.started("purge", f"{resource.type} {resource.name}")
            resource.purge()
            self._progress.finished("purged")
            self._result.purged.append(f"{resource.type} {resource.name}")
        self._remembered.has_purged(resource.id)
        self._file.save(self._remembered)

    def finish(self, free_with: str) -> Removed:
        self._remembered.endpoint = None
        self._file.save(self._remembered)
        self._result.held = [arm_id.rsplit("/", 1)[-1] for arm_id in self._remembered.deleted]
        self._result.free_with = free_with if self._result.held else None
        return self._result

    def _forget(self, resource: Resource, *, soft: bool) -> None:
        if soft or self._remembered.has_created(resource.id):
            self._remembered.has_deleted(resource.id, soft=soft)
            self._file.save(self._remembered)

    def _leave(self, resource: Resource, why: str) -> None:
        self._result.left.append(Left(type=resource.type, name=resource.name, why=why))


def _goes_with_parent(resource: Resource, steps: list[Step]) -> bool:
    """Return whether deleting the parent also deletes this resource, which holds only for the parts of a gateway.

    A group may be shared with other labs, and an account is not deleted while it has deployments.
    """
    parent = resource.parent
    if not isinstance(parent, GatewayService | ApiImport):
        return False
    return any(step.resource.id == parent.id and step.action.ours for step in steps)


def _short(arm_id: str) -> str:
    """Return type and name of an ARM id, such as `Microsoft.Web/sites openaimock1`."""
    kind, _, name = arm_id.rpartition("/providers/")[2].rpartition("/")
    return f"{kind} {name}"
