"""Compiles policy documents with the gateway's own compiler, so that what ARM accepts the gateway can run."""

from __future__ import annotations

from provision.local.arm.apim.paths import SERVICE_TYPE
from provision.local.arm.crud import Draft
from provision.local.arm.errors import ArmError
from provision.local.arm.store import Resource, Store

__all__ = ["check_policy", "fragments_of", "named_values_of"]

_SCOPES = {"apis": "api", "operations": "operation", "products": "product"}


def named_values_of(store: Store, service: Resource) -> dict[str, str]:
    """Values by display name, which is what `{{name}}` in a policy refers to."""
    found = store.children(service.id, f"{SERVICE_TYPE}/namedValues")
    return {str(value.properties["displayName"]): str(value.secrets["value"]) for value in found}


def fragments_of(store: Store, service: Resource) -> dict[str, dict[str, str]]:
    """Fragments by id, as format and value."""
    found = store.children(service.id, f"{SERVICE_TYPE}/policyFragments")
    return {
        fragment.name: {"format": fragment.properties["format"], "value": fragment.properties["value"]}
        for fragment in found
    }


def _service(draft: Draft) -> Resource:
    service = draft.world.store.get("/".join(draft.id.split("/")[:9]))
    if service is None:
        raise LookupError(draft.id)
    return service


def check_policy(draft: Draft, form: str, value: str) -> None:
    """Raises ArmError 400 with one detail per fault."""
    scope = _SCOPES.get(draft.id.split("/")[-4].lower(), "global")
    _compile(draft, form, value, scope)


def _compile(draft: Draft, form: str, value: str, scope: str) -> None:
    from provision.local.gateway import policies

    if not hasattr(policies, "compile_document"):
        return
    from provision.local.gateway.policies import PolicyError, compile_document

    service = _service(draft)
    try:
        compile_document(
            value,
            format=form,
            scope=scope,
            named_values=named_values_of(draft.world.store, service),
            fragments=fragments_of(draft.world.store, service),
            options=draft.world.options,
        )
    except PolicyError as error:
        details = [
            {"code": "ValidationError", "target": fault.target, "message": _text(fault)} for fault in error.faults
        ]
        raise ArmError(
            400, "ValidationError", "One or more fields contain incorrect values:", details=details
        ) from None


def _text(fault: object) -> str:
    return str(getattr(fault, "message", fault))
