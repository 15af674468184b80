"""Whatever is sent, the control plane answers as ARM does: it refuses, it never breaks."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from provision.local.arm.apim.service import SERVICE_TYPE
from provision.local.arm.call import Answer, ArmCall
from provision.local.arm.errors import ArmError
from provision.local.arm.manager import Manager
from provision.local.arm.operations import Operations
from provision.local.arm.store import Resource, Store
from provision.local.arm.world import World
from provision.local.identity.directory import Directory
from provision.local.snapshots import mock_snapshot, service_snapshot
from tripcurve.lab.local_options import LocalOptions

SUBSCRIPTION = "00000000-0000-4000-8000-00000000000b"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/s"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/aa"
PATHS = [
    GROUP,
    f"{GROUP}2",
    SERVICE,
    f"{SERVICE}2",
    ACCOUNT,
    f"{ACCOUNT}2",
    f"{ACCOUNT}/deployments/d",
    f"{SERVICE}/backends/b",
    f"{SERVICE}/apis/i",
    f"{SERVICE}/apis/i/operations/o",
    f"{SERVICE}/apis/i/policies/policy",
    f"{SERVICE}/policies/policy",
    f"{SERVICE}/namedValues/n",
    f"{SERVICE}/policyFragments/f",
    f"{SERVICE}/subscriptions/u",
    f"{SERVICE}/subscriptions/u/listSecrets",
    f"{SERVICE}/products/p",
    f"{SERVICE}/products/p/apis/i",
    f"{GROUP}/providers/Microsoft.Web/sites/w",
    f"{GROUP}/providers/Microsoft.Web/sites/w/config/appsettings",
    f"{GROUP}/providers/Microsoft.Web/serverfarms/f",
    f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/11111111-1111-4111-8111-111111111111",
    f"{ACCOUNT}/regenerateKey",
]
NAMES = [
    "properties",
    "location",
    "sku",
    "identity",
    "tags",
    "kind",
    "name",
    "capacity",
    "type",
    "url",
    "protocol",
    "pool",
    "services",
    "id",
    "weight",
    "circuitBreaker",
    "rules",
    "failureCondition",
    "count",
    "interval",
    "tripDuration",
    "statusCodeRanges",
    "min",
    "max",
    "errorReasons",
    "format",
    "value",
    "path",
    "displayName",
    "scope",
    "state",
    "model",
    "version",
    "siteConfig",
    "appSettings",
    "method",
    "urlTemplate",
    "subscriptionKeyParameterNames",
    "restore",
    "header",
    "publisherEmail",
    "publisherName",
    "roleDefinitionId",
    "principalId",
    "keyName",
    "customSubDomainName",
]
WORDS = ["eastus", "Pool", "http", "https://a", "PT1M", "BasicV2", "S0", "xml", "openapi+json", "SystemAssigned"]
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 1000), st.floats(), st.sampled_from(WORDS), st.text(max_size=5)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)),
    max_leaves=25,
)
BODIES = st.one_of(
    JSON,
    st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6)}),
    st.fixed_dictionaries(
        {"location": st.just("eastus"), "sku": JSON, "kind": JSON, "identity": JSON, "properties": JSON, "tags": JSON}
    ),
)
CALLS = st.lists(
    st.tuples(st.sampled_from(["PUT", "PATCH", "POST", "GET", "DELETE"]), st.sampled_from(PATHS), BODIES),
    min_size=1,
    max_size=6,
)


class NoProcesses:
    """A data plane without processes: what they would be told is made, and told to nobody."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reserve(self, service_id: str) -> str:
        return "http://127.0.0.1:1"

    async def start(self, service: Resource) -> None:
        """Nothing to start."""

    async def stop(self, service_id: str) -> None:
        """Nothing to stop."""

    async def publish(self) -> None:
        json.dumps(mock_snapshot(self._store, "key", {}))
        for service in self._store.of_kind(SERVICE_TYPE):
            json.dumps(service_snapshot(self._store, service))


def build() -> tuple[Manager, str]:
    """A control plane and the object id of its owner."""
    directory = Directory("t")
    owner = directory.add_application("Owner", "owner")
    operations = Operations(f"/subscriptions/{SUBSCRIPTION}")
    store = Store()
    world = World(SUBSCRIPTION, "t", store, directory, operations, NoProcesses(store), LocalOptions())
    return Manager(world), owner.object_id


async def send(manager: Manager, owner: str, method: str, path: str, body: Any) -> Answer | ArmError:
    headers = {"if-match": "*"} if method in ("PATCH", "DELETE") else {}
    call = ArmCall(method, path, {"api-version": "2024-05-01"}, headers, body, "https://127.0.0.1", owner)
    try:
        return await manager.answer(call)
    except ArmError as error:
        return error


async def start(manager: Manager, owner: str) -> None:
    """The group, service and account that most paths stand in."""
    service = {
        "location": "eastus",
        "sku": {"name": "BasicV2", "capacity": 1},
        "properties": {"publisherEmail": "a@b", "publisherName": "c"},
    }
    bodies = {
        GROUP: {"location": "eastus"},
        SERVICE: service,
        ACCOUNT: {"location": "eastus", "kind": "OpenAI", "sku": {"name": "S0"}},
        f"{SERVICE}/apis/i": {"properties": {"displayName": "i", "path": "i"}},
    }
    for path, body in bodies.items():
        answer = await send(manager, owner, "PUT", path, body)
        assert isinstance(answer, Answer), (path, answer)


@settings(max_examples=150)
@given(CALLS)
def test_any_body_is_answered_or_refused(calls: list[tuple[str, str, Any]]) -> None:
    async def scenario() -> None:
        manager, owner = build()
        await start(manager, owner)
        for method, path, body in calls:
            answer = await send(manager, owner, method, path, body)
            assert answer.status < 500, answer
            if isinstance(answer, Answer) and "Azure-AsyncOperation" in answer.headers:
                told = await send(manager, owner, "GET", urlsplit(answer.headers["Azure-AsyncOperation"]).path, None)
                assert isinstance(told, Answer)
                assert told.body.get("error", {}).get("code") != "InternalServerError", told.body

    asyncio.run(scenario())
