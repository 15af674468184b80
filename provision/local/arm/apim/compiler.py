"""Compile policy documents with the gateway's own compiler, so that ARM accepts only those that it runs."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from provision.local.arm.apim.service import SERVICE_TYPE
from provision.local.arm.crud import Draft
from provision.local.arm.errors import ArmError
from provision.local.arm.store import Resource, Store
from provision.local.arm.world import World

__all__ = [
    "check_dependents",
    "check_fragment",
    "check_policy",
    "exported",
    "fragments_of",
    "named_values_of",
    "service_of",
]

_SCOPES = {"apis": "api", "operations": "operation", "products": "product"}
Fragments = Mapping[str, Mapping[str, str]]


def named_values_of(store: Store, service: Resource) -> dict[str, str]:
    """Return the named values by display name, to which `{{name}}` in a policy refers."""
    found = store.children(service.id, f"{SERVICE_TYPE}/namedValues")
    return {str(value.properties["displayName"]): str(value.secrets["value"]) for value in found}


def fragments_of(store: Store, service: Resource) -> dict[str, dict[str, str]]:
    """Return the fragments by id, each with its format and value."""
    found = store.children(service.id, f"{SERVICE_TYPE}/policyFragments")
    return {
        fragment.name: {"format": fragment.properties["format"], "value": fragment.properties["value"]}
        for fragment in found
    }


def service_of(world: World, identifier: str) -> Resource:
    """Return the service that contains this resource. Raises LookupError if there is none."""
    service = world.store.get("/".join(identifier.split("/")[:9]))
    if service is None:
        raise LookupError(identifier)
    return service


def check_policy(draft: Draft, form: str, value: str) -> None:
    """Compile a policy document. Raises ArmError 400 with one detail per fault."""
    from provision.local.apim.policies import compile_document

    store, service = draft.world.store, service_of(draft.world, draft.id)
    with _refused():
        compile_document(
            value,
            format=form,
            scope=_scope(draft.id),
            named_values=named_values_of(store, service),
            fragments=fragments_of(store, service),
            options=draft.world.options,
        )


def check_fragment(draft: Draft, form: str, value: str) -> None:
    """Compile a policy fragment. Raises ArmError 400 with one detail per fault."""
    from provision.local.apim.policies import check_fragment as check

    store, service = draft.world.store, service_of(draft.world, draft.id)
    with _refused():
        check(
            value,
            format=form,
            named_values=named_values_of(store, service),
            fragments=fragments_of(store, service),
            options=draft.world.options,
        )


def check_dependents(world: World, service: Resource, named_values: Mapping[str, str], fragments: Fragments) -> None:
    """Check that every stored policy still compiles with these named values and fragments.

    Raises ArmError 400 if a change or deletion of a value or fragment would break a policy that uses it.
    """
    from provision.local.apim.policies import compile_document

    for policy in world.store.below(service.id):
        if policy.name != "policy" or not policy.kind.endswith("/policies"):
            continue
        with _refused():
            compile_document(
                policy.properties["value"],
                format=policy.properties["format"],
                scope=_scope(policy.id),
                named_values=named_values,
                fragments=fragments,
                options=world.options,
            )


def exported(value: str, stored: str, asked: str) -> str:
    """Return a stored document in another format; xml and rawxml differ in how they escape expressions."""
    if stored == asked:
        return value
    from provision.local.apim.policies.raw import hide_expressions, show_expressions

    text, expressions = hide_expressions(value)
    convert = html.unescape if asked == "rawxml" else html.escape
    return show_expressions(text, iter([convert(expression) for expression in expressions]))


def _scope(identifier: str) -> str:
    return _SCOPES.get(identifier.split("/")[-4].lower(), "global")


@contextmanager
def _refused() -> Iterator[None]:
    """Turn the compiler's errors inside into an ArmError 400."""
    from provision.local.apim.policies import PolicyError

    try:
        yield
    except PolicyError as error:
        details = [
            {"code": "ValidationError", "target": fault.target, "message": fault.message} for fault in error.faults
        ]
        raise ArmError(
            400, "ValidationError", "One or more fields contain incorrect values:", details=details
        ) from None
