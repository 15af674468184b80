"""Labs for the provisioning contract, each with names of its own, and their life in a few words."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provision.lifecycle.apply import open_context, plan_steps
from provision.lifecycle.down import down_lab
from provision.lifecycle.state import StateFile
from provision.resources.base import Context
from provision.resources.clouds import Cloud
from provision.resources.gateway import IDENTITY_VERSION
from tripcurve.lab import Lab

__all__ = [
    "altered",
    "cleaned_up",
    "fields_of",
    "make_identity",
    "mock_lab",
    "openai_lab",
    "opened",
    "pool_lab",
    "remove_identities",
    "with_identity",
]

RULE = {
    "name": "myBreakerRule",
    "count": 3,
    "interval": "PT5M",
    "status_codes": [429],
    "error_reasons": ["Server errors"],
    "trip_duration": "PT1M",
}


def _lab(backends: list[dict[str, Any]], **more: Any) -> Lab:
    mark = uuid.uuid4().hex[:8]
    named = [{**backend, "name": f"{backend['name']}-{mark}"} for backend in backends]
    content = {
        "name": f"t{mark}",
        "resource_group": f"tripcurve-test-{mark}",
        "gateway": {"name": f"tripcurve-{mark}", "sku": "BasicV2"},
        "backends": named,
        **more,
    }
    return Lab.model_validate(content)


def mock_lab(**more: Any) -> Lab:
    """The seed's mock mode, with a quota and a latency, and a value for the policy."""
    backend = {
        "name": "mock",
        "breaker": RULE,
        "limits": {"rpm": 6000, "tpm": 600000},
        "latency": {"median_ms": 1, "p95_ms": 2},
    }
    return _lab([backend], **more)


def openai_lab(**more: Any) -> Lab:
    """The seed's other mode: an account with its deployment and the gateway's role on it."""
    return _lab([{"name": "aoai", "kind": "openai", "breaker": RULE}], **more)


def pool_lab(**more: Any) -> Lab:
    """Two mocks in two regions, one preferred."""
    first = {"name": "mock1", "breaker": RULE, "priority": 1, "weight": 1}
    second = {"name": "mock2", "breaker": RULE, "priority": 2, "weight": 1, "location": "swedencentral"}
    return _lab([first, second], **more)


def altered(lab: Lab, **changes: Any) -> Lab:
    """The lab with some keys otherwise, checked anew. `breaker` changes the first backend's rule."""
    content = lab.model_dump(mode="json")
    breaker = changes.pop("breaker", None)
    if breaker is not None:
        content["backends"][0]["breaker"].update(breaker)
    return Lab.model_validate({**content, **changes})


@contextmanager
def opened(lab: Lab, cloud: Cloud) -> Iterator[Context]:
    """A context on the cloud, for looking and meddling behind the product's back."""
    with open_context(lab, cloud) as context:
        yield context


def fields_of(lab: Lab, cloud: Cloud, state: StateFile) -> dict[str, Any]:
    """Every resource of the lab as the service describes it."""
    with opened(lab, cloud) as context:
        steps = plan_steps(context, state.load())
        return {step.resource.id: None if step.found is None else step.found.fields for step in steps}


@contextmanager
def cleaned_up(lab: Lab, cloud: Cloud, folder: Path) -> Iterator[StateFile]:
    """The lab's state file; in the end all that the lab created is deleted and purged."""
    state = StateFile.of(lab, cloud, folder)
    try:
        yield state
    finally:
        down_lab(lab, cloud, purge=True, state=state)


def make_identity(lab: Lab, cloud: Cloud, name: str) -> tuple[str, str]:
    """A user-assigned identity in the lab's group, which exists from then on: its ARM id and its principal."""
    with opened(lab, cloud) as context:
        identity = f"{context.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        resources = context.clients.resources
        resources.resource_groups.create_or_update(lab.resource_group, {"location": lab.location})
        body: Any = {"location": lab.location}
        made = resources.resources.begin_create_or_update_by_id(identity, body, api_version=IDENTITY_VERSION).result()
        return identity, str((made.properties or {})["principalId"])


def remove_identities(lab: Lab, cloud: Cloud, *identities: str) -> None:
    """Delete the identities and the lab's group."""
    with opened(lab, cloud) as context:
        for identity in identities:
            context.clients.resources.resources.begin_delete_by_id(identity, api_version=IDENTITY_VERSION).result()
        context.clients.resources.resource_groups.begin_delete(lab.resource_group).result()


def with_identity(lab: Lab, identity: str) -> Lab:
    """The lab with a user-assigned identity as its gateway's."""
    return altered(lab, gateway={**lab.gateway.model_dump(mode="json"), "identity": identity})
