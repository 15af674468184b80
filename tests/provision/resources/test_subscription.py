"""The traffic's key opens the lab's API and nothing else on the gateway, unless the lab asks for the master key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.down import down_lab
from provision.resources.clouds import Cloud
from tests.provision.labs import altered, cleaned_up, mock_lab, opened
from tripcurve.lab import Lab
from tripcurve.target import Target


def _add_api(lab: Lab, cloud: Cloud) -> None:
    """Put a second API on the lab's gateway, at the path `other`."""
    where = lab.resource_group, lab.gateway.name, "other"
    operation: dict[str, Any] = {"displayName": "Chat", "method": "POST", "urlTemplate": "/*"}
    with opened(lab, cloud) as context:
        apim = context.clients.apim
        settings = {"displayName": "Other", "path": "other", "serviceUrl": lab.backends[0].base_url}
        apim.api.begin_create_or_update(*where, {"properties": settings}).result()
        apim.api_operation.create_or_update(*where, "chat", {"properties": operation})


def _status(target: Target, path: str, key_header: str = "api-key") -> int:
    headers = {key_header: target.api_key.get_secret_value()}
    operation = f"deployments/{target.deployment}/chat/completions?api-version={target.api_version}"
    url = f"{target.gateway_url}/{path}/{operation}"
    body = {"messages": [{"role": "user", "content": "x"}]}
    return requests.post(url, json=body, headers=headers, timeout=10).status_code


def test_the_key_is_that_of_a_subscription_to_the_labs_api(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        target = apply_lab(lab, local_cloud, state=state).target
        _add_api(lab, local_cloud)
        assert _status(target, "openai") == 200
        assert _status(target, "other", "Ocp-Apim-Subscription-Key") == 401


def test_a_lab_may_ask_for_the_master_key_and_go_back(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    master = altered(lab, api={**lab.api.model_dump(mode="json"), "subscription": "master"})
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        first = apply_lab(lab, local_cloud, state=state).target
        applied = apply_lab(master, local_cloud, state=state)
        assert [action.type for action in applied.plan.actions if action.action == "delete"] == ["API subscription"]
        _add_api(lab, local_cloud)
        assert _status(applied.target, "other", "Ocp-Apim-Subscription-Key") == 200
        assert _status(first, "openai") == 401
        assert not plan_lab(master, local_cloud, state=state).has_changes
        again = apply_lab(lab, local_cloud, state=state).target
        assert _status(again, "openai") == 200
        assert again.api_key != first.api_key


@pytest.mark.control_plane
def test_drift_of_the_subscription_is_seen_and_mended(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        target = apply_lab(lab, local_cloud, state=state).target
        with opened(lab, local_cloud) as context:
            where = lab.resource_group, lab.gateway.name, f"tripcurve-{lab.name}"
            suspended = {"properties": {"state": "suspended"}}
            context.clients.apim.subscription.update(*where, if_match="*", parameters=suspended)
        changes = [change for action in plan_lab(lab, local_cloud, state=state).actions for change in action.changes]
        assert [(change.field, change.old, change.new) for change in changes] == [("state", "suspended", "active")]
        assert apply_lab(lab, local_cloud, state=state).target.api_key == target.api_key
        removed = down_lab(lab, local_cloud, purge=True, state=state)
        assert removed.left == []


def test_a_key_that_was_regenerated_is_fetched_by_the_next_up(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        before = apply_lab(lab, local_cloud, state=state).target
        with opened(lab, local_cloud) as context:
            where = lab.resource_group, lab.gateway.name, f"tripcurve-{lab.name}"
            context.clients.apim.subscription.regenerate_primary_key(*where)
        assert _status(before, "openai") == 401
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        assert _status(apply_lab(lab, local_cloud, state=state).target, "openai") == 200
