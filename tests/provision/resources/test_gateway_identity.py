"""The identity with which the gateway calls its accounts: its own, or a user-assigned one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.apimanagement import models

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.smoke import smoke_lab
from provision.resources.clouds import Cloud
from tests.provision.labs import (
    altered,
    cleaned_up,
    make_identity,
    openai_lab,
    opened,
    remove_identities,
    with_identity,
)
from tripcurve.errors import BadInput
from tripcurve.lab import Lab


def _identity_id(lab: Lab, cloud: Cloud, name: str) -> str:
    group = f"/subscriptions/{cloud.subscription_id}/resourceGroups/{lab.resource_group}"
    return f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"


def _service(lab: Lab, cloud: Cloud) -> Any:
    with opened(lab, cloud) as context:
        return context.clients.apim.api_management_service.get(lab.resource_group, lab.gateway.name)


def test_a_user_assigned_identity_gets_the_role_and_calls_the_account(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    identity, principal = make_identity(lab, local_cloud, "caller")
    named = with_identity(lab, identity)
    with cleaned_up(named, local_cloud, tmp_path) as state:
        applied = apply_lab(named, local_cloud, state=state)
        assert smoke_lab(named, applied.target).passed
        assert not plan_lab(named, local_cloud, state=state).has_changes
        assert _service(lab, local_cloud).identity.type == "UserAssigned"
        with opened(named, local_cloud) as context:
            account = f"{context.group_id}/providers/Microsoft.CognitiveServices/accounts/{lab.backends[0].name}"
            held = context.clients.authorization.role_assignments.list_for_scope(account)
            assert principal in [assignment.principal_id for assignment in held]
    remove_identities(lab, local_cloud, identity)


def test_an_update_keeps_the_identities_that_others_have_assigned(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    identity, _ = make_identity(lab, local_cloud, "others")
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        with opened(lab, local_cloud) as context:
            both = models.ApiManagementServiceIdentity(
                type="SystemAssigned, UserAssigned",
                user_assigned_identities={identity: models.UserIdentityProperties()},
            )
            services = context.clients.apim.api_management_service
            update = models.ApiManagementServiceUpdateParameters(identity=both)
            services.begin_update(lab.resource_group, lab.gateway.name, update).result()
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        grown = altered(lab, gateway={**lab.gateway.model_dump(mode="json"), "units": 2})
        applied = apply_lab(grown, local_cloud, state=state)
        assert list(_service(lab, local_cloud).identity.user_assigned_identities) == [identity]
        assert smoke_lab(grown, applied.target).passed
    remove_identities(lab, local_cloud, identity)


@pytest.mark.control_plane
def test_an_identity_that_does_not_exist_is_named_before_anything_is_made(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    missing = with_identity(lab, _identity_id(lab, local_cloud, "nobody"))
    with cleaned_up(missing, local_cloud, tmp_path) as state:
        with pytest.raises(BadInput, match=r"gateway\.identity: .*/nobody does not exist[\s\S]*nothing was changed"):
            apply_lab(missing, local_cloud, state=state)
        assert state.load().created == []
