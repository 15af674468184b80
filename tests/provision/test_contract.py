"""The provisioning contract: one suite, held against the local cloud always and against Azure on request."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.mgmt.apimanagement.models import ApiUpdateContract

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.down import down_lab
from provision.lifecycle.smoke import smoke_lab
from provision.lifecycle.state import StateFile
from provision.lifecycle.status import rule_in_force, status_lab
from provision.resources.api import ApiImport
from provision.resources.clouds import Cloud
from tests.provision.labs import altered, cleaned_up, mock_lab, openai_lab, opened, pool_lab
from tripcurve.errors import BadInput
from tripcurve.lab import Lab

LABS = pytest.mark.parametrize("make", [mock_lab, openai_lab, pool_lab], ids=["mock", "openai", "pool"])


@LABS
def test_a_lab_lives_from_up_to_down(make: Callable[[], Lab], any_cloud: Cloud, tmp_path: Path) -> None:
    """One long life rather than many short ones: on Azure each gateway takes minutes and costs money."""
    lab = make()
    with cleaned_up(lab, any_cloud, tmp_path) as state:
        planned = plan_lab(lab, any_cloud, state=state)
        assert {action.action for action in planned.actions} == {"create"}
        first = apply_lab(lab, any_cloud, state=state)
        assert first.plan.count("create") == len(planned.actions)
        _second_up_changes_nothing(lab, any_cloud, state)
        _gateway_answers(lab, any_cloud, state)
        _drift_is_seen_and_mended(lab, any_cloud, state)
        _a_changed_field_is_applied(lab, any_cloud, state)
        _down_leaves_nothing(lab, any_cloud, state)


def _second_up_changes_nothing(lab: Lab, cloud: Cloud, state: StateFile) -> None:
    assert not plan_lab(lab, cloud, state=state).has_changes
    again = apply_lab(lab, cloud, state=state)
    assert {action.action for action in again.plan.actions} == {"leave"}
    assert status_lab(lab, cloud, state=state).standing == "up"


def _gateway_answers(lab: Lab, cloud: Cloud, state: StateFile) -> None:
    target = apply_lab(lab, cloud, state=state).target
    smoke = smoke_lab(lab, target)
    assert smoke.passed, smoke


def _drift_is_seen_and_mended(lab: Lab, cloud: Cloud, state: StateFile) -> None:
    backend = lab.backends[0].name
    with opened(lab, cloud) as context:
        backends, where = context.clients.apim.backend, (lab.resource_group, lab.gateway.name, backend)
        entity = backends.get(*where)
        assert entity.circuit_breaker is not None
        assert entity.circuit_breaker.rules is not None
        condition = entity.circuit_breaker.rules[0].failure_condition
        assert condition is not None
        condition.count = 7
        backends.create_or_update(*where, entity, if_match="*")
    found = status_lab(lab, cloud, state=state)
    assert found.standing == "drifted"
    assert (found.rules[backend] or {})["count"] == 7
    changes = [change for action in found.resources for change in action.changes]
    assert [(change.field, change.old, change.new) for change in changes] == [("breaker.count", 7, 3)]
    mended = apply_lab(lab, cloud, state=state)
    assert [action.type for action in mended.plan.actions if action.action == "change"] == ["backend"]
    assert (rule_in_force(lab, cloud)[backend] or {})["count"] == 3


def _a_changed_field_is_applied(lab: Lab, cloud: Cloud, state: StateFile) -> None:
    longer = altered(lab, breaker={"trip_duration": "PT2M"})
    plan = plan_lab(longer, cloud, state=state)
    changes = [change for action in plan.actions for change in action.changes]
    assert [(change.field, change.old, change.new) for change in changes] == [("breaker.trip_duration", "PT1M", "PT2M")]
    apply_lab(longer, cloud, state=state)
    assert not plan_lab(longer, cloud, state=state).has_changes


def _down_leaves_nothing(lab: Lab, cloud: Cloud, state: StateFile) -> None:
    removed = down_lab(lab, cloud, purge=True, state=state)
    assert removed.left == []
    assert removed.held == []
    found = status_lab(lab, cloud, state=state)
    assert found.standing == "down"
    assert state.path is not None
    assert not state.path.exists()
    with opened(lab, cloud) as context:
        assert context.clients.resources.resource_groups.check_existence(lab.resource_group) is False
        deleted = [item.name for item in context.clients.apim.deleted_services.list_by_subscription()]
        assert lab.gateway.name not in deleted


@pytest.mark.control_plane
def test_an_import_that_overrules_the_labs_words_is_set_right(local_cloud: Cloud, tmp_path: Path) -> None:
    """Azure takes display name, description and address from some documents, whatever the request says."""
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        with opened(lab, local_cloud) as context:
            apis, where = context.clients.apim.api, (lab.resource_group, lab.gateway.name, lab.api.id)
            overruled = ApiUpdateContract(display_name="Inference", description="from the document")
            apis.update(*where, if_match="*", parameters=overruled)
            ApiImport(context, lab.api.id).settle()
            assert apis.get(*where).display_name == "OpenAI"
        assert not plan_lab(lab, local_cloud, state=state).has_changes


@pytest.mark.control_plane
@pytest.mark.parametrize("make", [mock_lab, openai_lab], ids=["mock", "openai"])
def test_what_is_done_for_azure_alone_works_on_the_same_control_plane(
    make: Callable[[], Lab], local_cloud: Cloud, tmp_path: Path
) -> None:
    """Importing by address and running the mock from an image: all that the code does for Azure and not here."""
    as_azure = dataclasses.replace(local_cloud, kind="azure", mock_image="registry.example/mock:1")
    lab = make()
    with cleaned_up(lab, as_azure, tmp_path) as state:
        assert apply_lab(lab, as_azure, state=state).target.kind == "azure"
        assert not plan_lab(lab, as_azure, state=state).has_changes
        newer = dataclasses.replace(as_azure, mock_image="registry.example/mock:2")
        changed = [a.type for a in plan_lab(lab, newer, state=state).actions if a.action == "change"]
        assert changed == (["mock web app"] if make is mock_lab else [])


@pytest.mark.control_plane
def test_a_mock_on_azure_without_an_image_is_refused_before_anything(local_cloud: Cloud) -> None:
    with pytest.raises(BadInput, match=r"TRIPCURVE_MOCK_IMAGE(?s:.*)nothing was changed"):
        plan_lab(mock_lab(), dataclasses.replace(local_cloud, kind="azure"))
