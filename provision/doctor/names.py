"""Check that the names which are unique in all Azure are free: of the gateway, the accounts and the mock web apps."""

from __future__ import annotations

from provision.doctor.findings import Finding, error, ok
from provision.resources.account import Account
from provision.resources.base import Context, Resource, SoftDeleting
from provision.resources.gateway import GatewayService
from provision.resources.graph import lab_resources
from provision.resources.site import Site

__all__ = ["names"]


def names(context: Context) -> list[Finding]:
    """Check each name. A name that a resource of the lab's group has already is fine here; `plan` says whose it is."""
    unique = [each for each in lab_resources(context) if isinstance(each, GatewayService | Account | Site)]
    return [_name(context, resource) for resource in unique]


def _name(context: Context, resource: Resource) -> Finding:
    what = f"{resource.type} {resource.name}"
    if resource.read() is not None:
        return ok("name", f"{what} exists in {context.lab.resource_group}")
    if isinstance(resource, SoftDeleting) and (holder := resource.holder()) is not None:
        return error(
            "name",
            f"{what}: a soft-deleted one holds the name ({holder})",
            f"free it with `{resource.purge_command()}`",
        )
    refusal = _refusal(context, resource)
    if refusal is None:
        return ok("name", f"{what} is free")
    return error("name", f"{what}: {refusal}", "choose another name in the lab; it must be unique in all Azure")


def _refusal(context: Context, resource: Resource) -> str | None:
    """Return why the service refuses the name; None if it is free."""
    if isinstance(resource, GatewayService):
        return _refused_service(context, resource.name)
    if isinstance(resource, Account):
        return _refused_domain(context, resource.name)
    return _refused_site(context, resource.name)


def _refused_service(context: Context, name: str) -> str | None:
    from azure.mgmt.apimanagement.models import ApiManagementServiceCheckNameAvailabilityParameters as Asked

    found = context.clients.apim.api_management_service.check_name_availability(Asked(name=name))
    return None if found.name_available else found.message or str(found.reason)


def _refused_domain(context: Context, name: str) -> str | None:
    asked = context.clients.cognitive.check_domain_availability
    found = asked(subdomain_name=name.lower(), type="Microsoft.CognitiveServices/accounts", kind="OpenAI")
    return None if found.is_subdomain_available else found.reason or "the domain is taken"


def _refused_site(context: Context, name: str) -> str | None:
    from azure.mgmt.web.models import ResourceNameAvailabilityRequest

    found = context.clients.web.check_name_availability(
        ResourceNameAvailabilityRequest(name=name, type="Microsoft.Web/sites")
    )
    return None if found.name_available else found.message or str(found.reason)
