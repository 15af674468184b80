"""The plan: for each resource of a lab, its state on the cloud, its state in the lab, and the action between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, computed_field

from provision.lifecycle.state import State
from provision.resources.base import Found, Resource, SoftDeleting
from provision.resources.differences import Change, differences, flattened
from tripcurve.errors import BadInput, TargetUnavailable

__all__ = ["Action", "Plan", "Step", "make_plan", "survey"]

HIDDEN = "(not shown)"

Verb = Literal["create", "change", "leave", "wait", "delete"]


class Action(BaseModel):
    """The action for one resource.

    `wait`: it is still being created, so it cannot be compared yet. `delete`: this lab created it and no longer names
    it. `ours`: this lab created it, or will.
    """

    type: str
    name: str
    id: str
    action: Verb
    ours: bool
    changes: list[Change] = []


class Plan(BaseModel):
    """All actions, in the order in which `up` carries them out."""

    lab: str
    cloud: str
    subscription_id: str
    resource_group: str
    actions: list[Action]

    def count(self, action: str) -> int:
        """Return how many actions are of this kind."""
        return sum(1 for item in self.actions if item.action == action)

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorator above property; pydantic's docs say so
    @property
    def has_changes(self) -> bool:
        """Return whether any action changes something."""
        return any(item.action != "leave" for item in self.actions)

    @property
    def waits(self) -> bool:
        """Whether an action waits for a resource that is still being created."""
        return any(item.action == "wait" for item in self.actions)


@dataclass(frozen=True)
class Step:
    """An action, the resource it acts on, and the resource as it was found; `found` is None if it does not exist."""

    resource: Resource
    found: Found | None
    action: Action


def make_plan(resources: list[Resource], orphans: list[Resource], state: State) -> list[Step]:
    """Return one step for each resource in order, then one for each orphan, newest first. Changes nothing.

    Raises BadInput, naming every contradiction, if the cloud cannot match the lab without deleting a resource or
    changing one that is not ours; TargetUnavailable if a soft-deleted resource holds a name.
    """
    steps = survey(resources, orphans, state)
    faults = [fault for step in steps for fault in _contradictions(step)]
    if faults:
        raise BadInput("\n".join([*faults, "nothing was changed"]))
    taken = [text for step in steps if (text := _name_taken(step, state)) is not None]
    if taken:
        raise TargetUnavailable("\n".join([*taken, "nothing was changed"]))
    return steps


def survey(resources: list[Resource], orphans: list[Resource], state: State) -> list[Step]:
    """Return the steps as `make_plan` does, also if the lab contradicts what exists."""
    steps: dict[str, Step] = {}
    for resource in resources:
        parent = None if resource.parent is None else steps.get(resource.parent.id)
        steps[resource.id] = _step(resource, parent, state)
    found = [(orphan, orphan.read()) for orphan in reversed(orphans)]
    return [*steps.values(), *(_orphan_step(orphan, there, state) for orphan, there in found if there is not None)]


def _orphan_step(orphan: Resource, found: Found, state: State) -> Step:
    """Return the step that deletes an orphan, or leaves it if its tag names another owner by now."""
    ours = _is_ours(orphan, found, None, state)
    verb: Verb = "delete" if ours else "leave"
    return Step(orphan, found, Action(type=orphan.type, name=orphan.name, id=orphan.id, action=verb, ours=ours))


def _step(resource: Resource, parent: Step | None, state: State) -> Step:
    found = None if parent is not None and parent.found is None else resource.read()
    ours = _is_ours(resource, found, parent, state)
    action: Verb
    changes: list[Change] = []
    if found is None:
        action, changes = "create", _creation(resource)
    elif found.in_progress:
        action = "wait"
    else:
        changes = differences(found.fields, resource.desired())
        if (found.state or "").lower() == "failed":
            changes.insert(0, Change(field="provisioning state", old=found.state, new="Succeeded"))
        action = "change" if changes else "leave"
    shown = [_masked(change, resource.hidden) for change in changes]
    return Step(
        resource,
        found,
        Action(type=resource.type, name=resource.name, id=resource.id, action=action, ours=ours, changes=shown),
    )


def _is_ours(resource: Resource, found: Found | None, parent: Step | None, state: State) -> bool:
    """Return whether the lab made the resource: by its tag; for types without tags, by the state file or its parent."""
    if found is None:
        return not resource.declared
    if resource.declared:
        return False
    if found.tags is not None:
        return found.lab == resource.context.lab.name
    if state.has_created(resource.id):
        return True
    return parent is not None and parent.action.ours


def _creation(resource: Resource) -> list[Change]:
    changes = [Change(field=name, old=None, new=value) for name, value in flattened(resource.desired()).items()]
    return [change for change in changes if change.new is not None]


def _masked(change: Change, hidden: frozenset[str]) -> Change:
    if change.field.split(".", 1)[0] not in hidden:
        return change
    return Change(field=change.field, old=None if change.old is None else HIDDEN, new=HIDDEN)


def _contradictions(step: Step) -> list[str]:
    """Return why the cloud cannot be made to match the lab; empty if it can."""
    resource, action = step.resource, step.action
    what = f"{resource.type} {resource.name}"
    if step.found is None:
        if not resource.declared:
            obstacle = resource.obstacle()
            return [] if obstacle is None else [obstacle]
        return [f"{what}: the lab says that it exists, but it does not; remove `{resource.declare_with}`, or create it"]
    if action.action == "delete":
        return []
    fixed = [change for change in action.changes if change.field.split(".", 1)[0] in resource.fixed]
    if fixed:
        return [_fixed_text(what, resource, change) for change in fixed]
    if action.ours or (resource.declared and action.action == "leave"):
        return []
    return _foreign(step, what)


def _fixed_text(what: str, resource: Resource, change: Change) -> str:
    key = resource.fixed[change.field.split(".", 1)[0]]
    return (
        f"{what} exists with {change.field} {change.old}, the lab says {change.new}, and it cannot be changed in "
        f"place; set {key} to {change.old}, choose another name, or run `tripcurve down` first"
    )


def _foreign(step: Step, what: str) -> list[str]:
    """Return what forbids the use of a resource that this lab did not create; empty if nothing does."""
    resource, found = step.resource, step.found
    owner = None if found is None else found.lab
    whose = "existed before this lab" if owner is None else f"belongs to lab {owner}"
    needs_word = isinstance(resource, SoftDeleting) and not resource.declared
    if needs_word:  # a gateway or an account costs money and has other users, so it is used only if the lab says so
        return [f"{what} {whose}; to use it, write `{resource.declare_with}` in the lab, or choose another name"]
    if step.action.action != "change":
        return []
    fields = ", ".join(change.field for change in step.action.changes)
    return [
        f"{what} {whose} and differs from the lab ({fields}); `up` changes only resources that it created: "
        "change the lab, or choose another name"
    ]


def _name_taken(step: Step, state: State) -> str | None:
    """Return why a soft-deleted resource blocks the name; None if none does."""
    resource = step.resource
    if step.action.action != "create" or not isinstance(resource, SoftDeleting):
        return None
    holder = resource.holder()
    if holder is None:
        return None
    command = resource.purge_command()
    if resource.id.lower() in state.deleted:
        command = resource.context.purge_command
    return (
        f"{resource.type} {resource.name}: the name is held by a soft-deleted one ({holder}); free it with\n"
        f"    {command}"
    )
