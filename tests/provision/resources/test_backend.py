"""`up` writes what the lab states of a backend, and keeps what somebody else has set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.resources.backend import API_VERSION
from provision.resources.clouds import Cloud
from tests.provision.labs import altered, cleaned_up, opened, pool_lab
from tripcurve.lab import Lab

BY_HAND = {
    "credentials": {"header": {"x-team": ["others"]}},
    "tls": {"validateCertificateChain": False},
    "azureRegion": "westus",
}


def _properties(apim: Any, lab: Lab, name: str) -> dict[str, Any]:
    def properties(response: Any, *_: Any) -> dict[str, Any]:
        return dict(response.http_response.json()["properties"])

    return dict(apim.backend.get(lab.resource_group, lab.gateway.name, name, api_version=API_VERSION, cls=properties))


def test_what_somebody_else_set_on_a_backend_or_pool_outlives_up(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = pool_lab()
    affinity = {"sessionAffinity": {"sessionId": {"source": "Cookie", "name": "SessionId"}}}
    with cleaned_up(lab, local_cloud, tmp_path) as state, opened(lab, local_cloud) as context:
        apply_lab(lab, local_cloud, state=state)
        apim, member = context.clients.apim, lab.backends[0].name
        for name, extra in ((member, BY_HAND), (lab.pool.name, {})):
            found = _properties(apim, lab, name)
            found |= extra if extra else {"pool": {**found["pool"], **affinity}}
            body = json.dumps({"properties": found}).encode()
            apim.backend.create_or_update(
                lab.resource_group, lab.gateway.name, name, body, if_match="*", api_version=API_VERSION
            )
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        stated = {"failure_response": 429}
        changed = altered(lab, breaker=stated, pool={"name": lab.pool.name, **stated})
        apply_lab(changed, local_cloud, state=state)
        assert not plan_lab(changed, local_cloud, state=state).has_changes
        after = _properties(apim, lab, member)
        assert {key: after[key] for key in BY_HAND} == BY_HAND
        assert after["circuitBreaker"]["rules"][0]["failureResponse"] == {"statusCode": 429}
        pool = _properties(apim, lab, lab.pool.name)["pool"]
        assert pool["sessionAffinity"] == affinity["sessionAffinity"]
        assert pool["failureResponse"] == {"statusCode": 429}


def test_the_labs_session_affinity_is_written_and_its_drift_is_shown(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = pool_lab(pool={"name": "affine", "session_affinity": "SessionId"})
    with cleaned_up(lab, local_cloud, tmp_path) as state, opened(lab, local_cloud) as context:
        apply_lab(lab, local_cloud, state=state)
        pool = _properties(context.clients.apim, lab, "affine")["pool"]
        assert pool["sessionAffinity"] == {"sessionId": {"source": "Cookie", "name": "SessionId"}}
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        renamed = altered(lab, pool={"name": "affine", "session_affinity": "Other"})
        changes = [c for action in plan_lab(renamed, local_cloud, state=state).actions for c in action.changes]
        assert [(c.field, c.old, c.new) for c in changes] == [("session_affinity", "SessionId", "Other")]
