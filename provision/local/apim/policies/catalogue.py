"""The table of all known policies, from which documents are checked and the reference is written."""

from __future__ import annotations

from collections.abc import Iterator

from provision.local.apim.policies import (
    access,
    caching,
    identity,
    limits,
    mutation,
    quotas,
    refused,
    routing,
    safety,
    semantic,
    sending,
    telemetry,
    tokens,
    validate_token,
)
from provision.local.apim.policies.elements import ANYWHERE, Attribute, Element
from provision.local.apim.policies.steps import Policy

__all__ = ["POLICIES", "documented_elements"]

_FRAGMENT = Policy(
    Element("include-fragment", (Attribute("fragment-id", required=True),)),
    ANYWHERE,
    "PR-include-fragment",
    None,
    note="the fragment's policies replace it when the document is compiled",
)

_MODULES = (
    *(routing, mutation, identity, telemetry, caching, limits, quotas),
    *(tokens, access, validate_token, sending, semantic, safety, refused),
)

POLICIES: dict[str, Policy] = {policy.name: policy for module in _MODULES for policy in module.POLICIES} | {
    _FRAGMENT.name: _FRAGMENT
}


def documented_elements() -> Iterator[Policy]:
    """Return all policies, sorted by name."""
    yield from (POLICIES[name] for name in sorted(POLICIES))
