"""The rights of a sign-in against the operations of `up` and `down`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

from provision.doctor.findings import Finding
from provision.doctor.permissions import needed_operations, permissions
from provision.lifecycle.apply import apply_lab
from provision.resources.access import operation_of
from provision.resources.clouds import Cloud
from provision.resources.graph import lab_resources
from tests.provision.doctor.conftest import SignedIn
from tests.provision.injection import Inject
from tests.provision.labs import cleaned_up, mock_lab, openai_lab, opened, pool_lab
from tripcurve.lab import Lab

pytestmark = pytest.mark.control_plane

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
LISTING = "/Microsoft.Authorization/permissions$"


def found_by(lab: Lab, cloud: Cloud) -> list[Finding]:
    with opened(lab, cloud) as context:
        return permissions(context)


def test_an_owner_may_do_everything(local_cloud: Cloud) -> None:
    (found,) = found_by(openai_lab(), local_cloud)
    assert (found.check, found.level) == ("permissions", "ok")


def test_a_reader_is_told_to_ask_for_contributor(signed_in: SignedIn) -> None:
    lab = mock_lab()
    (found,) = found_by(lab, signed_in("Reader")[0])
    assert (found.level, found.exit_code) == ("error", 3)
    assert "Microsoft.Resources/subscriptions/resourceGroups/write" in found.detail
    assert "read" not in found.detail
    assert "`Contributor` on /subscriptions/" in (found.remedy or "")
    assert lab.resource_group in (found.remedy or "")


def test_a_contributor_may_not_assign_the_gateways_role(signed_in: SignedIn) -> None:
    cloud, _ = signed_in("Contributor")
    (found,) = found_by(openai_lab(), cloud)
    assert found.detail == "not allowed: Microsoft.Authorization/roleAssignments/write"
    assert "`Role Based Access Control Administrator`" in (found.remedy or "")
    assert [finding.level for finding in found_by(mock_lab(), cloud)] == ["ok"]


def test_a_role_on_the_group_alone_is_seen(local_cloud: Cloud, signed_in: SignedIn) -> None:
    lab = mock_lab()
    cloud, object_id = signed_in(None)
    with opened(lab, local_cloud) as context:
        context.clients.resources.resource_groups.create_or_update(lab.resource_group, {"location": "eastus"})
        role = f"/subscriptions/{cloud.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
        body = RoleAssignmentCreateParameters(
            role_definition_id=role, principal_id=object_id, principal_type="ServicePrincipal"
        )
        assert [finding.level for finding in found_by(lab, cloud)] == ["warning"]
        context.clients.authorization.role_assignments.create(context.group_id, str(uuid4()), body)
        assert [finding.level for finding in found_by(lab, cloud)] == ["ok"]
        context.clients.resources.resource_groups.begin_delete(lab.resource_group).result()


def test_permissions_that_cannot_be_read_are_a_warning(local_cloud: Cloud, inject: Inject) -> None:
    inject("error", LISTING, status=403, code="AuthorizationFailed")
    (found,) = found_by(mock_lab(), local_cloud)
    assert (found.level, found.detail) == ("warning", "the permissions of this sign-in cannot be read")


def test_a_role_that_cannot_delete_is_a_warning(local_cloud: Cloud, inject: Inject) -> None:
    role = {"actions": ["*/read", "*/write", "*/action"], "notActions": []}
    inject("answer", LISTING, body={"value": [role]})
    allowed, kept = found_by(mock_lab(), local_cloud)
    assert (allowed.level, kept.level) == ("ok", "warning")
    assert kept.detail.startswith("`down` is not allowed: Microsoft.Resources/subscriptions/resourceGroups/delete")


def test_an_existing_gateway_is_only_read(local_cloud: Cloud) -> None:
    lab = mock_lab(existing={"gateway": True, "resource_group": True})
    with opened(lab, local_cloud) as context:
        needed = needed_operations(lab_resources(context))
    assert "Microsoft.ApiManagement/service/read" in needed
    assert "Microsoft.ApiManagement/service/write" not in needed
    assert "Microsoft.Resources/subscriptions/resourceGroups/write" not in needed
    assert "Microsoft.ApiManagement/service/backends/write" in needed


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any]) -> set[str]:
    """The operations of all calls of the SDK."""
    operations: set[str] = set()
    send = requests.Session.request

    def request(session: requests.Session, method: str, url: str, *args: Any, **options: Any) -> requests.Response:
        path = urlsplit(url).path
        if url.startswith(connection["management_url"]) and path.startswith("/subscriptions/"):
            operations.add(operation_of(method, path))
        return send(session, method, url, *args, **options)

    monkeypatch.setattr(requests.Session, "request", request)
    return operations


@pytest.mark.parametrize("make", [mock_lab, openai_lab, pool_lab])
def test_every_change_that_up_makes_is_among_the_operations(
    make: Any, local_cloud: Cloud, tmp_path: Path, called: set[str]
) -> None:
    lab = make()
    with opened(lab, local_cloud) as context:
        needed = set(needed_operations(lab_resources(context)))
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        changes = {operation for operation in called if not operation.endswith("/read")}
    assert changes
    assert changes <= needed
