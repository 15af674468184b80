"""The operation that a call needs, and the roles that allow it."""

from __future__ import annotations

import pytest

from provision.resources.access import is_allowed, operation_of


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("PUT", "/subscriptions/s/resourceGroups/g", "Microsoft.Resources/subscriptions/resourceGroups/write"),
        ("GET", "/subscriptions/s/resourceGroups/g/providers/A.B/c/d/e/f", "A.B/c/e/read"),
        ("POST", "/subscriptions/s/resourceGroups/g/providers/A.B/c/d/listKeys", "A.B/c/listKeys/action"),
        ("DELETE", "/subscriptions/s/providers/A.B/c/d/providers/E.F/g/h", "E.F/g/delete"),
        ("POST", "/subscriptions/s/providers/A.B/register", "A.B/register/action"),
    ],
)
def test_the_operation_that_a_call_needs(method: str, path: str, operation: str) -> None:
    assert operation_of(method, path) == operation


CONTRIBUTOR = (["*"], ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"])


@pytest.mark.parametrize(
    ("operation", "actions", "not_actions", "allowed"),
    [
        ("A.B/c/write", ["*"], [], True),
        ("A.B/c/write", ["*/read"], [], False),
        ("A.B/c/read", ["*/read"], [], True),
        ("a.b/C/WRITE", ["A.B/c/*"], [], True),
        ("A.B/cc/write", ["A.B/c/*"], [], False),
        ("AxB/c/write", ["A.B/c/*"], [], False),
        ("A.B/c/write", [], [], False),
        ("A.B/c/write", *CONTRIBUTOR, True),
        ("Microsoft.Authorization/roleAssignments/write", *CONTRIBUTOR, False),
        ("Microsoft.Authorization/roleAssignments/read", *CONTRIBUTOR, True),
    ],
)
def test_a_role_allows_by_its_patterns(
    operation: str, actions: list[str], not_actions: list[str], allowed: bool
) -> None:
    assert is_allowed(operation, actions, not_actions) is allowed
