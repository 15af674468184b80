"""`up` writes what the lab states of a backend, and keeps what somebody else has set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.resources.clouds import Cloud
from tests.provision.labs import altered, cleaned_up, mock_lab, opened, pool_lab
from tripcurve.errors import BadInput
from tripcurve.lab import Lab

pytestmark = pytest.mark.control_plane

BY_HAND: dict[str, dict[str, Any]] = {
    "credentials": {
        "credentials": {
            "header": {"x-team": ["others"]},
            "query": {"team": ["others"]},
            "managedIdentity": {"resource": "https://cognitiveservices.azure.com"},
        }
    },
    "TLS": {"tls": {"validateCertificateChain": False, "validateCertificateName": False}},
    "proxy": {"proxy": {"url": "http://proxy.example:3128", "username": "somebody"}},
    "affinity": {"pool": {"sessionAffinity": {"sessionId": {"source": "Cookie", "name": "SessionId"}}}},
    "region": {"azureRegion": "westus"},
    "carbon emission": {"member": {"preferredCarbonEmission": "Low"}},
}
"""Fields of a backend that a lab does not state, by the name that people give them."""


def _read(apim: Any, lab: Lab, name: str) -> dict[str, Any]:
    def properties(response: Any, *_: Any) -> dict[str, Any]:
        return dict(response.http_response.json()["properties"])

    version = lab.gateway.api_version
    return dict(apim.backend.get(lab.resource_group, lab.gateway.name, name, api_version=version, cls=properties))


def _with(properties: dict[str, Any], edit: dict[str, Any]) -> dict[str, Any]:
    """The properties with an edit in them. `pool` is edited field by field, and so is its first `member`."""
    if "member" in edit:
        first, *others = properties["pool"]["services"]
        edit = {"pool": {"services": [{**first, **edit["member"]}, *others]}}
    pool = {"pool": {**properties["pool"], **edit["pool"]}} if "pool" in edit else {}
    return {**properties, **edit, **pool}


def _edit(apim: Any, lab: Lab, name: str, edit: dict[str, Any]) -> None:
    """Change a backend as somebody with the portal would."""
    body = json.dumps({"properties": _with(_read(apim, lab, name), edit)}).encode()
    where = lab.resource_group, lab.gateway.name, name
    apim.backend.create_or_update(*where, body, if_match="*", api_version=lab.gateway.api_version)


def _edited(lab: Lab, edit: dict[str, Any]) -> str:
    """The name of the backend that an edit is for: the pool or its first member."""
    return lab.backends[0].name if edit.keys().isdisjoint({"pool", "member"}) else lab.pool.name


def _seen(lab: Lab, cloud: Cloud, state: Any) -> list[tuple[str, Any, Any]]:
    """Every difference that `plan` shows."""
    actions = plan_lab(lab, cloud, state=state).actions
    return [(change.field, change.old, change.new) for action in actions for change in action.changes]


def test_backends_edited_by_hand_keep_the_edits_and_get_back_what_the_lab_states(
    local_cloud: Cloud, tmp_path: Path
) -> None:
    lab = pool_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state, opened(lab, local_cloud) as context:
        apply_lab(lab, local_cloud, state=state)
        apim = context.clients.apim
        for what, edit in BY_HAND.items():
            _edit(apim, lab, _edited(lab, edit), edit)
            assert _seen(lab, local_cloud, state) == [], what
        _edit(apim, lab, lab.backends[0].name, {"title": "edited"})
        drift = [("title", "edited", f"{lab.backends[0].name} backend")]
        assert _seen(lab, local_cloud, state) == drift
        changed = altered(lab, pool={"name": lab.pool.name, "failure_response": 429})
        assert _seen(changed, local_cloud, state) == [*drift, ("failure_response", None, 429)]
        apply_lab(changed, local_cloud, state=state)
        assert _seen(changed, local_cloud, state) == []
        for what, edit in BY_HAND.items():
            after = _read(apim, lab, _edited(lab, edit))
            assert _with(after, edit) == after, what
        assert _read(apim, lab, lab.backends[0].name)["title"] == drift[0][2]


def test_an_api_version_that_the_cloud_does_not_know_is_named_before_anything_is_made(
    local_cloud: Cloud, tmp_path: Path
) -> None:
    lab = mock_lab()
    unknown = altered(lab, gateway={**lab.gateway.model_dump(mode="json"), "api_version": "2099-01-01"})
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        with pytest.raises(BadInput, match=r"gateway\.api_version: .* not know 2099-01-01 [\s\S]*nothing was "):
            apply_lab(unknown, local_cloud, state=state)
        assert state.load().created == []
        apply_lab(lab, local_cloud, state=state)
        with pytest.raises(BadInput, match=r"gateway\.api_version: No registered resource provider .*'2099-01-01'"):
            plan_lab(unknown, local_cloud, state=state)


def test_an_older_api_version_works_for_a_lab_that_needs_no_newer_field(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = pool_lab()
    older = altered(lab, gateway={**lab.gateway.model_dump(mode="json"), "api_version": "2024-05-01"})
    with cleaned_up(older, local_cloud, tmp_path) as state:
        apply_lab(older, local_cloud, state=state)
        assert not plan_lab(older, local_cloud, state=state).has_changes


def test_the_labs_session_affinity_is_written_and_its_drift_is_shown(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = pool_lab(pool={"name": "affine", "session_affinity": "SessionId"})
    with cleaned_up(lab, local_cloud, tmp_path) as state, opened(lab, local_cloud) as context:
        apply_lab(lab, local_cloud, state=state)
        pool = _read(context.clients.apim, lab, "affine")["pool"]
        assert pool["sessionAffinity"] == {"sessionId": {"source": "cookie", "name": "SessionId"}}
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        renamed = altered(lab, pool={"name": "affine", "session_affinity": "Other"})
        changes = [c for action in plan_lab(renamed, local_cloud, state=state).actions for c in action.changes]
        assert [(c.field, c.old, c.new) for c in changes] == [("session_affinity", "SessionId", "Other")]
