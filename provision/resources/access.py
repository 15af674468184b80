"""ARM's operations by name, and whether a role's patterns allow one."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["is_allowed", "operation_of"]

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


def operation_of(method: str, path: str) -> str:
    """Return the operation that a call needs, such as `Microsoft.ApiManagement/service/backends/write`."""
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


def is_allowed(operation: str, actions: Sequence[str], not_actions: Sequence[str]) -> bool:
    """Return whether a role with these actions, except the excluded ones, allows an operation. `*` matches any text."""
    return _matches(actions, operation) and not _matches(not_actions, operation)


def _matches(patterns: Sequence[str], operation: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), operation, re.IGNORECASE) is not None
        for pattern in patterns
    )
