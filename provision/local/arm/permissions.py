"""Check whether a caller's roles allow a call: its role on the subscription, and its role assignments."""

from __future__ import annotations

from provision.local.arm.call import Answer, ArmCall
from provision.local.arm.errors import authorization_failed, group_not_found
from provision.local.arm.roles import ASSIGNMENT_TYPE, BUILT_IN
from provision.local.arm.router import Router
from provision.local.arm.world import World
from provision.resources.access import is_allowed, operation_of

__all__ = ["Permissions", "check_permission"]


class Permissions:
    """The handler of the list of what the caller may do."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add the route."""
        router.add("GET", "{scope*}/providers/Microsoft.Authorization/permissions", self.index)

    async def index(self, call: ArmCall) -> Answer:
        """List the actions of each role that the caller has at a scope. Raises ArmError 404 for an unknown group."""
        scope = call.params["scope"]
        if "/resourcegroups/" in scope.lower() and self._world.store.get(scope) is None:
            raise group_not_found(scope.rsplit("/", 1)[1])
        shown = [
            {"actions": actions, "notActions": not_actions, "dataActions": data_actions, "notDataActions": []}
            for _, actions, not_actions, data_actions in (BUILT_IN[role] for role in _roles(self._world, call))
        ]
        return Answer(200, {"value": shown})


def check_permission(world: World, call: ArmCall) -> None:
    """Raise ArmError 403 AuthorizationFailed unless a role allows the call. Tenant-level reads need no role."""
    if not call.path.lower().startswith("/subscriptions/"):
        return
    operation = operation_of(call.method, call.path)
    if not any(_allows(role, operation) for role in _roles(world, call)):
        raise authorization_failed(call.object_id, operation, call.path)


def _roles(world: World, call: ArmCall) -> list[str]:
    application = world.directory.application_of(call.object_id)
    found = [role for role, (name, *_) in BUILT_IN.items() if application is not None and name == application.role]
    path = call.path.lower() + "/"
    for assignment in world.store.of_kind(ASSIGNMENT_TYPE):
        held = assignment.properties
        if held["principalId"] == call.object_id and path.startswith(str(held["scope"]).lower() + "/"):
            found.append(str(held["roleDefinitionId"]).rsplit("/", 1)[1])
    return found


def _allows(role: str, operation: str) -> bool:
    _, actions, not_actions, _ = BUILT_IN[role]
    return is_allowed(operation, actions, not_actions)
