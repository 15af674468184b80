"""Check that the sign-in may do what `up` and `down` do: its effective permissions against their operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provision.doctor.findings import Finding, error, ok, warning
from provision.lifecycle.azure_errors import role_for
from provision.resources.access import is_allowed, operation_of
from provision.resources.account import Account
from provision.resources.base import Context, Resource, none_if_hidden
from provision.resources.gateway import GatewayService
from provision.resources.graph import lab_resources
from provision.resources.site import Site

__all__ = ["needed_operations", "permissions"]

API_VERSION = "2022-04-01"
SHOWN = 3
"""How many missing operations a finding names."""

FURTHER: dict[type[Resource], tuple[str, ...]] = {
    GatewayService: (
        "Microsoft.ApiManagement/service/subscriptions/listSecrets/action",
        "Microsoft.ApiManagement/service/tenant/operationResults/read",
    ),
    Site: ("Microsoft.Web/sites/config/list/action",),
}
"""Operations of `up` besides reading and writing a resource: keys, settings, the state of long operations [CHG]."""

PURGING: dict[type[Resource], tuple[str, ...]] = {
    GatewayService: ("Microsoft.ApiManagement/locations/deletedservices/delete",),
    Account: ("Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts/delete",),
}
"""Operations of `down --purge`."""

Role = tuple[Sequence[str], Sequence[str]]
"""What one role of the sign-in allows, and what it excludes."""


def permissions(context: Context) -> list[Finding]:
    """Compare the effective permissions on the lab's resource group with the operations of `up` and `down`.

    If the group does not exist, the permissions on the subscription are used, which the group will inherit. Deny
    assignments and conditions of roles are not seen.
    """
    roles = _roles(context)
    scope = context.group_id
    if roles is None:
        ask = f"ask for the role `Contributor` on {scope} if `up` is refused"
        return [warning("permissions", "the permissions of this sign-in cannot be read", ask)]
    resources = lab_resources(context)
    needed, undone = needed_operations(resources), undoing_operations(resources)
    missing = [operation for operation in needed if not _allowed(operation, roles)]
    findings = [
        error("permissions", f"not allowed: {_some(of_role)}", f"ask for the role `{role}` on {scope}")
        for role, of_role in _by_role(missing)
    ]
    if not missing:
        findings = [ok("permissions", f"all {len(needed)} operations of `up` are allowed")]
    kept = [operation for operation in undone if not _allowed(operation, roles)]
    if kept and not missing:
        ask = f"ask for `Contributor` on {scope} or above, or let somebody else delete the lab"
        findings.append(warning("permissions", f"`down` is not allowed: {_some(kept)}", ask))
    return findings


def needed_operations(resources: Iterable[Resource]) -> list[str]:
    """Return the operations of `up` on these resources, each once, in order. Existing ones are only read."""
    found: list[str] = []
    for resource in resources:
        methods = ("GET",) if resource.declared else ("GET", "PUT")
        found += [operation_of(method, resource.id) for method in methods]
        found += FURTHER.get(type(resource), ())
    return list(dict.fromkeys(found))


def undoing_operations(resources: Iterable[Resource]) -> list[str]:
    """Return the operations of `down --purge` on these resources, each once, in order."""
    found: list[str] = []
    for resource in resources:
        if not resource.declared:
            found += [operation_of("DELETE", resource.id), *PURGING.get(type(resource), ())]
    return list(dict.fromkeys(found))


def _roles(context: Context) -> list[Role] | None:
    """Return what each role of the sign-in allows on the group, or on the subscription; None if it may not be read."""
    group, listed = context.lab.resource_group, context.clients.authorization.permissions
    exists = none_if_hidden(lambda: context.clients.resources.resource_groups.check_existence(group))
    if exists is None:
        return None
    if not exists:
        return none_if_hidden(lambda: _on_subscription(context))
    found = none_if_hidden(lambda: list(listed.list_for_resource_group(group)))
    return None if found is None else [(each.actions or [], each.not_actions or []) for each in found]


def _on_subscription(context: Context) -> list[Role]:
    """Return what each role allows on the subscription. The SDK has no method for this scope."""
    from azure.core.rest import HttpRequest

    path = f"/subscriptions/{context.cloud.subscription_id}/providers/Microsoft.Authorization/permissions"
    response = context.clients.resources.send_request(HttpRequest("GET", path, params={"api-version": API_VERSION}))
    response.raise_for_status()
    return [(each.get("actions") or [], each.get("notActions") or []) for each in response.json()["value"]]


def _allowed(operation: str, roles: Iterable[Role]) -> bool:
    return any(is_allowed(operation, actions, not_actions) for actions, not_actions in roles)


def _by_role(operations: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return the operations by the built-in role that allows them."""
    found: dict[str, list[str]] = {}
    for operation in operations:
        found.setdefault(role_for(operation), []).append(operation)
    return list(found.items())


def _some(operations: Sequence[str]) -> str:
    more = len(operations) - SHOWN
    return ", ".join(operations[:SHOWN]) + (f" and {more} more" if more > 0 else "")
