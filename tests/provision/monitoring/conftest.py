"""A local cloud whose gateways are said to have recorded something."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from provision.local.cloud import SUBSCRIPTION_ID
from provision.local.monitoring import Monitoring
from provision.resources.clouds import Cloud, local
from provision.resources.events import QUEUE, EventAccount, EventQueue, EventSubscription, account_name
from provision.resources.gateway import GatewayService
from provision.resources.graph import lab_resources
from provision.resources.group import Group
from tests.provision.labs import opened
from tests.provision.local.running import running_cloud
from tripcurve.lab import Lab

LARGEST_ANSWER = 500
NOON = "2026-11-29T12:00:00"
NOON_NS = 1_795_953_600_000_000_000


@dataclass
class Recorded:
    """The cloud, the JSON line, and the files of its gateways' records."""

    cloud: Cloud
    connection: dict[str, Any]
    logs: Path
    events: Path


def service_id(group: str, name: str) -> str:
    root = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{group}"
    return f"{root}/providers/Microsoft.ApiManagement/service/{name}"


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


def event(topic: str, backend: str = "mock1", kind: str = "Opened", number: int = 0) -> dict[str, Any]:
    """A breaker's event as the local gateway writes it."""
    return {
        "id": f"{kind}-{number}",
        "topic": topic,
        "subject": f"/backends/{backend}/circuit-breaker/rules/r",
        "eventType": f"Microsoft.ApiManagement.CircuitBreaker.{kind}",
        "eventTime": f"{NOON}.{number:09d}Z",
        "data": {
            "backendName": backend,
            "circuitBreaker": {"rules": {"r": {"tripDuration": "00:00:04"}}},
            "local": {"unit": 0, "at_ns": NOON_NS},
        },
    }


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A cloud of the test's own, whose Log Analytics answers few rows at a time."""
    monkeypatch.setattr("provision.local.cloud.Monitoring", partial(Monitoring, largest_answer=LARGEST_ANSWER))
    with running_cloud(tmp_path / "cloud") as running:
        line = running.connection
        yield Recorded(local(line), line, Path(line["logs_file"]), Path(line["events_file"]))


def queue_of(recorded: Recorded, lab: Lab) -> str:
    """Make the lab's gateway, and the queue for its events, with the resources of `up`; returns the queue's URL."""
    kinds = (Group, GatewayService, EventAccount, EventQueue, EventSubscription)
    with opened(lab, recorded.cloud) as context:
        for resource in lab_resources(context):
            if isinstance(resource, kinds):
                resource.put(None)
        return f"{recorded.cloud.management_url}/_local/queues/{account_name(context.group_id, lab.name)}/{QUEUE}"
