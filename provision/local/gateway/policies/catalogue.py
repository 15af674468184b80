"""Every policy that is known here: one table, from which documents are checked and documentation is made."""

from __future__ import annotations

from collections.abc import Iterator

from provision.local.gateway.policies import identity, mutation, routing
from provision.local.gateway.policies.elements import ANYWHERE, Attribute, Element, Policy

__all__ = ["POLICIES", "documented_elements"]

_FRAGMENT = Policy(
    Element("include-fragment", (Attribute("fragment-id", required=True),)),
    ANYWHERE,
    "D",
    "4.3 include-fragment",
    None,
    note="its policies are put in its place when the document is compiled",
)

POLICIES: dict[str, Policy] = {
    policy.name: policy for policy in (*routing.POLICIES, *mutation.POLICIES, *identity.POLICIES, _FRAGMENT)
}


def documented_elements() -> Iterator[Policy]:
    """Every policy, by name."""
    yield from (POLICIES[name] for name in sorted(POLICIES))
