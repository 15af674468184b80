"""Check whether a caller's roles allow a call: its role on the subscription, and its role assignments."""

from __future__ import annotations

import re

from provision.local.arm.call import ArmCall
from provision.local.arm.errors import authorization_failed
from provision.local.arm.roles import ASSIGNMENT_TYPE, BUILT_IN
from provision.local.arm.world import World

__all__ = ["action_of", "check_permission"]

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


def action_of(method: str, path: str) -> str:
    """Return the action that a call needs, such as `Microsoft.ApiManagement/service/backends/write`."""
    parts = path.strip("/").split("/")
    lowered = [part.lower() for part in parts]
    start = len(lowered) - lowered[::-1].index("providers") if "providers" in lowered else 0
    if start == 0:
        types = ["Microsoft.Resources", "subscriptions", *(["resourceGroups"] if "resourcegroups" in lowered else [])]
        return "/".join([*types, _VERBS.get(method, "action")])
    types = [parts[start], *parts[start + 1 :: 2]]
    if method == "POST":
        return "/".join([*types, "action"])
    return "/".join([*types, _VERBS[method]])


def check_permission(world: World, call: ArmCall) -> None:
    """Raise ArmError 403 AuthorizationFailed unless a role allows the call. Tenant-level reads need no role."""
    if not call.path.lower().startswith("/subscriptions/"):
        return
    action = action_of(call.method, call.path)
    if not any(_allows(role, action) for role in _roles(world, call)):
        raise authorization_failed(call.object_id, action, call.path)


def _roles(world: World, call: ArmCall) -> list[str]:
    application = world.directory.application_of(call.object_id)
    found = [role for role, (name, *_) in BUILT_IN.items() if application is not None and name == application.role]
    path = call.path.lower() + "/"
    for assignment in world.store.of_kind(ASSIGNMENT_TYPE):
        held = assignment.properties
        if held["principalId"] == call.object_id and path.startswith(str(held["scope"]).lower() + "/"):
            found.append(str(held["roleDefinitionId"]).rsplit("/", 1)[1])
    return found


def _allows(role: str, action: str) -> bool:
    _, actions, not_actions, _ = BUILT_IN[role]
    return _matches(actions, action) and not _matches(not_actions, action)


def _matches(patterns: list[str], action: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) is not None for pattern in patterns
    )
