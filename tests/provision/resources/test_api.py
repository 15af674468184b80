"""The API as `up` imports it: both surfaces of Azure OpenAI, and the key as a bearer token."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.resources.clouds import Cloud
from tests.provision.labs import altered, cleaned_up, mock_lab, opened

pytestmark = pytest.mark.control_plane


def test_the_api_has_the_dated_and_the_v1_operations(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state, opened(lab, local_cloud) as context:
        apply_lab(lab, local_cloud, state=state)
        where = (lab.resource_group, lab.gateway.name, lab.api.id)
        apim = context.clients.apim
        found = {f"{item.method} {item.url_template}" for item in apim.api_operation.list_by_api(*where)}
        assert {
            "POST /deployments/{deployment-id}/chat/completions",
            "POST /v1/chat/completions",
            "POST /v1/responses",
            "DELETE /responses/{response-id}",
            "GET /models",
        } <= found
        keys = apim.api.get(*where, cls=lambda response, *_: response.http_response.json())["properties"]
        assert keys["subscriptionKeyParameterNames"] == {"header": "api-key", "query": "api-key", "bearer": "enabled"}


def test_an_operation_that_somebody_deleted_is_imported_again(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab(api={"version": "v1"})
    with cleaned_up(lab, local_cloud, tmp_path) as state, opened(lab, local_cloud) as context:
        apply_lab(lab, local_cloud, state=state)
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        where = (lab.resource_group, lab.gateway.name, lab.api.id)
        context.clients.apim.api_operation.delete(*where, "v1_Responses_Create", if_match="*")
        actions = plan_lab(lab, local_cloud, state=state).actions
        assert [(action.type, change.field) for action in actions for change in action.changes] == [
            ("API", "operations")
        ]
        apply_lab(lab, local_cloud, state=state)
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        renamed = altered(lab, api={"version": "2024-02-01"})
        assert not plan_lab(renamed, local_cloud, state=state).has_changes
