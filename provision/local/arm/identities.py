"""User-assigned managed identities, which exist on their own and may be assigned to several services."""

from __future__ import annotations

from provision.local.arm.call import Json
from provision.local.arm.crud import Draft, Kind
from provision.local.arm.errors import ArmError
from provision.local.arm.regions import display_name, region
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["IDENTITY", "assigned_identities"]

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


def _prepare(draft: Draft) -> Json:
    location = region(draft.sent.get("location"), TYPE)
    identity = draft.world.directory.add_identity(draft.id)
    return {
        "location": display_name(location),
        "tags": draft.sent.get("tags") or {},
        "properties": {
            "tenantId": draft.world.tenant_id,
            "principalId": identity.principal_id,
            "clientId": identity.client_id,
        },
    }


async def _deleting(world: World, identity: Resource) -> None:
    world.directory.remove_identity(identity.id)


IDENTITY = Kind(
    TYPE,
    f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}/{{identity}}",
    _prepare,
    deleting=_deleting,
)


def assigned_identities(draft: Draft, sent: Json) -> Json:
    """Return the `userAssignedIdentities` of a service's identity with their ids filled in.

    Raises ArmError 400 for an identity that does not exist.
    """
    named = sent.get("userAssignedIdentities")
    found: Json = {}
    for resource_id in named if isinstance(named, dict) else {}:
        held = draft.world.store.get(resource_id)
        if held is None or held.kind != TYPE:
            raise ArmError(
                400,
                "FailedIdentityOperation",
                f"Identity operation for resource '{draft.id}' failed with error 'Failed to perform resource identity "
                f"operation. Status: 'BadRequest'. Response: 'Resource '{resource_id}' was not found.''.",
            )
        found[held.id] = {key: held.properties[key] for key in ("principalId", "clientId")}
    return found
