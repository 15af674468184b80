"""Role definitions, role assignments, and what a client may do by them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.provision.local.arm.refusals import refused
from tests.provision.local.running import Running
from tests.provision.local.samples import Place
from tests.provision.local.sdk import Clients, clients_of, unique

OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"


@pytest.fixture
def principal(clients: Clients, place: Place) -> str:
    return str(clients.apim.api_management_service.get(*place.at).identity.principal_id)


def group_scope(running: Running, group: str) -> str:
    return f"/subscriptions/{running.connection['subscription_id']}/resourceGroups/{group}"


def body(running: Running, principal: str, role: str = OPENAI_USER) -> dict[str, object]:
    root = f"/subscriptions/{running.connection['subscription_id']}/providers/Microsoft.Authorization/roleDefinitions"
    properties = {"roleDefinitionId": f"{root}/{role}", "principalId": principal, "principalType": "ServicePrincipal"}
    return {"properties": properties}


def client_with(running: Running, role: str | None) -> dict[str, str]:
    """A new client that holds a built-in role on the subscription, or none."""
    status, made = running.admin("POST", "clients", {"role": role})
    assert status == 201
    return dict(made)


def sign_in(client: dict[str, str]) -> dict[str, str]:
    return {"client_id": client["client_id"], "client_secret": client["client_secret"]}


def test_a_built_in_role_is_found_by_name(clients: Clients, running: Running) -> None:
    scope = f"/subscriptions/{running.connection['subscription_id']}"
    (found,) = clients.roles.role_definitions.list(scope, filter="roleName eq 'Cognitive Services OpenAI User'")
    assert found.name == OPENAI_USER


def test_an_assignment_is_listed_at_its_scope_and_can_be_repeated(
    clients: Clients, running: Running, group: str, principal: str
) -> None:
    scope, name = group_scope(running, group), str(uuid4())
    assignments = clients.roles.role_assignments
    assignments.create(scope, name, body(running, principal))
    assignments.create(scope, name, body(running, principal))
    listed = assignments.list_for_scope(scope, filter=f"principalId eq '{principal}'")
    assert [found.name for found in listed] == [name]
    assert name in [entry["scope"] and name for entry in running.mock_told()[-1]["role_assignments"]]
    assignments.delete(scope, name)
    assert list(assignments.list_for_scope(scope, filter=f"principalId eq '{principal}'")) == []


def test_the_same_assignment_by_another_name_exists_already(
    clients: Clients, running: Running, group: str, principal: str
) -> None:
    scope = group_scope(running, group)
    clients.roles.role_assignments.create(scope, str(uuid4()), body(running, principal))
    with refused() as said:
        clients.roles.role_assignments.create(scope, str(uuid4()), body(running, principal))
    assert (said.status, said.code) == (409, "RoleAssignmentExists")


def test_an_unknown_principal_is_not_found(clients: Clients, running: Running, group: str) -> None:
    with refused() as said:
        clients.roles.role_assignments.create(group_scope(running, group), str(uuid4()), body(running, str(uuid4())))
    assert (said.status, said.code) == (400, "PrincipalNotFound")


def test_an_unknown_role_and_a_name_that_is_not_a_guid_are_refused(
    clients: Clients, running: Running, group: str, principal: str
) -> None:
    scope = group_scope(running, group)
    with refused() as said:
        clients.roles.role_assignments.create(scope, str(uuid4()), body(running, principal, str(uuid4())))
    assert said.code == "RoleDefinitionDoesNotExist"
    with refused() as said:
        clients.roles.role_assignments.create(scope, "not-a-guid", body(running, principal))
    assert said.code == "InvalidRoleAssignmentId"


def test_a_reader_can_read_and_cannot_write(running: Running, place: Place) -> None:
    reader = client_with(running, "Reader")
    with clients_of(running.connection, **sign_in(reader)) as limited:
        assert limited.apim.api_management_service.get(*place.at).name == place.service
        with refused() as said:
            limited.groups.resource_groups.create_or_update(unique("group"), {"location": "eastus"})
    assert (said.status, said.code) == (403, "AuthorizationFailed")
    assert "'Microsoft.Resources/subscriptions/resourceGroups/write'" in said.message
    assert reader["object_id"] in said.message


def test_a_contributor_creates_resources_and_assigns_no_role(running: Running, principal: str) -> None:
    made = client_with(running, "Contributor")
    with clients_of(running.connection, **sign_in(made)) as limited:
        group = unique("group")
        limited.groups.resource_groups.create_or_update(group, {"location": "eastus"})
        with refused() as said:
            limited.roles.role_assignments.create(group_scope(running, group), str(uuid4()), body(running, principal))
    assert said.code == "AuthorizationFailed"
    assert "'Microsoft.Authorization/roleAssignments/write'" in said.message


def test_a_role_on_one_group_applies_to_that_group_only(running: Running, clients: Clients, group: str) -> None:
    made = client_with(running, None)
    owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    clients.roles.role_assignments.create(
        group_scope(running, group), str(uuid4()), body(running, made["object_id"], owner)
    )
    other = unique("group")
    clients.groups.resource_groups.create_or_update(other, {"location": "eastus"})
    with clients_of(running.connection, **sign_in(made)) as limited:
        assert limited.groups.resource_groups.get(group).name == group
        with refused() as said:
            limited.groups.resource_groups.get(other)
    assert said.code == "AuthorizationFailed"
