"""Role definitions and assignments, at any scope."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.errors import ArmError, resource_not_found
from provision.local.arm.faults import Plan, current_plan
from provision.local.arm.router import Router
from provision.local.arm.shapes import RoleAssignmentShape, check_shape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["ASSIGNMENT_TYPE", "BUILT_IN", "Roles"]

ASSIGNMENT_TYPE = "Microsoft.Authorization/roleAssignments"
DEFINITION_TYPE = "Microsoft.Authorization/roleDefinitions"

# The built-in roles that labs use: Azure's id, the name, the allowed and excluded actions, and the data actions.
BUILT_IN: dict[str, tuple[str, list[str], list[str], list[str]]] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": ("Owner", ["*"], [], []),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": (
        "Contributor",
        ["*"],
        ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
        [],
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": ("Reader", ["*/read"], [], []),
    "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd": (
        "Cognitive Services OpenAI User",
        ["Microsoft.CognitiveServices/*/read"],
        [],
        ["Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action"],
    ),
    "a001fd3d-188f-4b5d-821b-7da978bf7442": (
        "Cognitive Services OpenAI Contributor",
        ["Microsoft.CognitiveServices/*/read", "Microsoft.CognitiveServices/accounts/deployments/write"],
        [],
        ["Microsoft.CognitiveServices/accounts/OpenAI/*"],
    ),
    "a97b65f3-24c7-4388-baec-2e87135dc908": (
        "Cognitive Services User",
        ["Microsoft.CognitiveServices/*/read", "Microsoft.CognitiveServices/accounts/listkeys/action"],
        [],
        ["Microsoft.CognitiveServices/*"],
    ),
}
_ROOT = "{scope*}/providers/Microsoft.Authorization"
_CLAUSE = re.compile(r"(\w+)\s+eq\s+'((?:[^']|'')*)'", re.IGNORECASE)


class Roles:
    """The handlers of role definitions and role assignments."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Register the routes of role definitions and role assignments."""
        router.add("GET", f"{_ROOT}/roleDefinitions", self.definitions)
        router.add("GET", f"{_ROOT}/roleDefinitions/{{role}}", self.definition)
        router.add("GET", f"{_ROOT}/roleAssignments", self.assignments)
        router.add("PUT", f"{_ROOT}/roleAssignments/{{assignment}}", self.assign)
        router.add("GET", f"{_ROOT}/roleAssignments/{{assignment}}", self.assignment)
        router.add("DELETE", f"{_ROOT}/roleAssignments/{{assignment}}", self.unassign)

    async def definitions(self, call: ArmCall) -> Answer:
        """List the built-in roles, or the one that the filter names."""
        wanted = _filter(call).get("rolename")
        shown = [self._definition(role) for role in BUILT_IN]
        return Answer(200, {"value": [role for role in shown if wanted in (None, role["properties"]["roleName"])]})

    async def definition(self, call: ArmCall) -> Answer:
        """Answer with a built-in role. Raises ArmError 404 for any other."""
        role = call.params["role"].lower()
        if role not in BUILT_IN:
            raise ArmError(
                404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{role}' does not exist."
            )
        return Answer(200, self._definition(role))

    async def assignments(self, call: ArmCall) -> Answer:
        """List the assignments at, below and above a scope; the filter `atScope()` excludes those below."""
        wanted, scope = _filter(call), call.params["scope"].lower()
        at_scope = "atscope()" in call.query.get("$filter", "").lower()
        principal = wanted.get("principalid", wanted.get("assignedto"))
        found = []
        for assignment in self._world.store.of_kind(ASSIGNMENT_TYPE):
            held = str(assignment.properties["scope"]).lower()
            above, below = (scope + "/").startswith(held + "/"), held.startswith(scope + "/")
            fits = above or (below and not at_scope)
            if fits and principal in (None, assignment.properties["principalId"]):
                found.append(_shown(assignment))
        return Answer(200, {"value": found})

    async def assign(self, call: ArmCall) -> Answer:
        """Assign a role. Raises ArmError for a wrong name, role or principal, and for a conflicting assignment."""
        scope, name = self._scope(call), call.params["assignment"]
        try:
            UUID(name)
        except ValueError:
            raise ArmError(
                400, "InvalidRoleAssignmentId", f"The role assignment ID '{name}' is not valid. It must be a GUID."
            ) from None
        properties = self._check(call, scope)
        identifier = f"{scope}/providers/{ASSIGNMENT_TYPE}/{name}"
        existing = self._world.store.get(identifier)
        if existing is not None:
            _check_same(existing, properties)
            return Answer(200, _shown(existing))
        self._check_new(properties)
        made = Resource(identifier, ASSIGNMENT_TYPE, name, {"properties": properties})
        self._world.store.put(made)
        await self._delay(made, current_plan())
        return Answer(201, _shown(made))

    async def _delay(self, assignment: Resource, plan: Plan) -> None:
        """Let an assignment have its effect only after the plan's extra seconds, as Azure does for up to 30 minutes."""
        if plan.seconds == 0:
            return
        assignment.secrets["pending"] = True

        async def take_effect() -> None:
            await plan.suffer()
            del assignment.secrets["pending"]
            await self._world.data_plane.publish()

        await self._world.operations.begin("Microsoft.Authorization", "global", take_effect, lambda: Answer(200))

    async def assignment(self, call: ArmCall) -> Answer:
        """Answer with the assignment. Raises ArmError 404 if it does not exist."""
        found = self._world.store.get(call.path)
        if found is None:
            raise ArmError(
                404,
                "RoleAssignmentNotFound",
                f"The role assignment '{call.params['assignment']}' is not found.",
            )
        return Answer(200, _shown(found))

    async def unassign(self, call: ArmCall) -> Answer:
        """Delete the assignment; 204 if it does not exist."""
        gone = self._world.store.remove(call.path)
        return Answer(200, _shown(gone[0])) if gone else Answer(204)

    def _scope(self, call: ArmCall) -> str:
        scope = call.params["scope"]
        if scope.lower() == self._world.subscription_path.lower():
            return self._world.subscription_path
        found = self._world.store.get(scope)
        if found is None:
            raise resource_not_found(scope)
        return found.id

    def _check(self, call: ArmCall, scope: str) -> Json:
        check_shape(RoleAssignmentShape, call.json())
        sent = call.properties()
        role = str(sent.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()
        principal = str(sent.get("principalId", ""))
        if role not in BUILT_IN:
            raise ArmError(
                400, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{role}' does not exist."
            )
        if not self._world.directory.principal_exists(principal):
            raise ArmError(
                400,
                "PrincipalNotFound",
                f"Principal {principal.replace('-', '')} does not exist in the directory {self._world.tenant_id}. "
                "Check that you have the correct principal ID. If you are creating this principal and then immediately "
                "assigning a role, this error might be related to a replication delay. In this case, set the role "
                "assignment principalType property to a value, such as ServicePrincipal, User, or Group. "
                "See https://aka.ms/docs-principaltype",
            )
        now = datetime.now(UTC).isoformat()
        return {
            "roleDefinitionId": self._definition(role)["id"],
            "principalId": principal,
            "principalType": sent.get("principalType") or "ServicePrincipal",
            "scope": scope,
            "condition": sent.get("condition"),
            "description": sent.get("description"),
            "createdOn": now,
            "updatedOn": now,
            "createdBy": call.object_id,
            "updatedBy": call.object_id,
        }

    def _check_new(self, properties: Json) -> None:
        same = ("scope", "roleDefinitionId", "principalId")
        for other in self._world.store.of_kind(ASSIGNMENT_TYPE):
            if all(other.properties[key] == properties[key] for key in same):
                raise ArmError(
                    409,
                    "RoleAssignmentExists",
                    "The role assignment already exists. The ID of the conflicting role assignment is "
                    f"{other.name.replace('-', '')}.",
                )

    def _definition(self, role: str) -> Json:
        name, actions, not_actions, data_actions = BUILT_IN[role]
        return {
            "id": f"{self._world.subscription_path}/providers/{DEFINITION_TYPE}/{role}",
            "type": DEFINITION_TYPE,
            "name": role,
            "properties": {
                "roleName": name,
                "type": "BuiltInRole",
                "description": name,
                "assignableScopes": ["/"],
                "permissions": [
                    {"actions": actions, "notActions": not_actions, "dataActions": data_actions, "notDataActions": []}
                ],
            },
        }


def _check_same(existing: Resource, properties: Json) -> None:
    for key in ("scope", "roleDefinitionId", "principalId"):
        if existing.properties[key] != properties[key]:
            raise ArmError(
                409,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )


def _filter(call: ArmCall) -> dict[str, str]:
    """Return the filter `roleName eq 'X' and principalId eq 'Y'` as a mapping with lower-case keys."""
    text = call.query.get("$filter", "")
    found = {name.lower(): value.replace("''", "'") for name, value in _CLAUSE.findall(text)}
    inner = re.search(r"assignedTo\('([^']*)'\)", text, re.IGNORECASE)
    return found if inner is None else {**found, "assignedto": inner.group(1)}


def _shown(resource: Resource) -> Json:
    return {"id": resource.id, "type": resource.kind, "name": resource.name, **resource.body}
