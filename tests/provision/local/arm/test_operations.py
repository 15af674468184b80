"""Long operations, and faults injected to try a client's patience: through the SDK's own pollers."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

from tests.provision.local.arm.refusals import refused
from tests.provision.local.arm.test_cognitive import account, deployment
from tests.provision.local.running import Running
from tests.provision.local.samples import SERVICE
from tests.provision.local.sdk import Clients, unique


@pytest.fixture(autouse=True)
def _no_faults_left(running: Running) -> Any:
    yield
    running.admin("DELETE", "faults")


def inject(running: Running, **fault: Any) -> None:
    status, body = running.admin("POST", "faults", fault)
    assert status == 201, body


def first_answer(**_: Any) -> tuple[list[Any], Any]:
    """A hook for the SDK, and the list it fills with each answer's status and headers."""
    seen: list[Any] = []

    def keep(response: Any) -> None:
        seen.append((response.http_response.status_code, dict(response.http_response.headers)))

    return seen, keep


def test_the_creation_of_a_service_is_polled_by_two_headers(clients: Clients, group: str, running: Running) -> None:
    inject(running, action="slow", seconds=0.2, method="PUT", path="/service/")
    seen, keep = first_answer()
    poller = clients.apim.api_management_service.begin_create_or_update(
        group, unique("service"), SERVICE, raw_response_hook=keep
    )
    status, headers = seen[0]
    assert status == 201
    assert "/operationStatuses/" in headers["Azure-AsyncOperation"]
    assert "/operationResults/" in headers["Location"]
    assert "Retry-After" not in headers, "the resource client reads it as an integer here"
    assert poller.result().provisioning_state == "Succeeded"


def test_a_deployment_is_polled_by_async_operation_and_an_account_by_its_own_state(
    clients: Clients, group: str
) -> None:
    name = unique("openai")
    seen, keep = first_answer()
    clients.accounts.accounts.begin_create(group, name, account(name), raw_response_hook=keep).result()
    assert seen[0][0] == 201
    assert not {"Location", "Azure-AsyncOperation"} & set(seen[0][1])
    seen, keep = first_answer()
    clients.accounts.deployments.begin_create_or_update(
        group, name, "chat", deployment(), raw_response_hook=keep
    ).result()
    assert "Azure-AsyncOperation" in seen[0][1]
    assert "Location" not in seen[0][1]


def test_a_deletion_is_polled_by_location(clients: Clients, group: str) -> None:
    name = unique("openai")
    clients.accounts.accounts.begin_create(group, name, account(name)).result()
    seen, keep = first_answer()
    clients.accounts.accounts.begin_delete(group, name, raw_response_hook=keep).result()
    assert seen[0][0] == 202
    assert "Location" in seen[0][1]


def test_a_slow_service_is_creating_until_it_exists(clients: Clients, group: str, running: Running) -> None:
    services, name = clients.apim.api_management_service, unique("service")
    inject(running, action="slow", seconds=0.4, method="PUT", path="/service/")
    poller = services.begin_create_or_update(group, name, SERVICE)
    assert services.get(group, name).provisioning_state == "Creating"
    assert poller.result().provisioning_state == "Succeeded"


def make_service(clients: Clients, group: str, name: str) -> Any:
    return clients.apim.api_management_service.begin_create_or_update(group, unique("service"), SERVICE)


def make_account(clients: Clients, group: str, name: str) -> Any:
    other = unique("openai")
    return clients.accounts.accounts.begin_create(group, other, account(other))


def make_deployment(clients: Clients, group: str, name: str) -> Any:
    return clients.accounts.deployments.begin_create_or_update(group, name, "chat", deployment())


@pytest.mark.parametrize("make", [make_service, make_account, make_deployment])
def test_a_failed_operation_reaches_the_caller(clients: Clients, group: str, running: Running, make: Any) -> None:
    name = unique("openai")
    clients.accounts.accounts.begin_create(group, name, account(name)).result()
    inject(running, action="fail", method="PUT", status=409, code="SkuNotAvailable", message="None left.")
    poller = make(clients, group, name)
    with pytest.raises(HttpResponseError) as caught:
        poller.result()
    told = "Failed" if make is make_account else "SkuNotAvailable"  # a state in the body has no room for a reason
    assert told in f"{caught.value} {poller.status()}"


def test_a_failed_service_shows_failed(clients: Clients, group: str, running: Running) -> None:
    name = unique("service")
    inject(running, action="fail", method="PUT", path="/service/", status=500, code="ActivationFailed")
    with pytest.raises(HttpResponseError):
        clients.apim.api_management_service.begin_create_or_update(group, name, SERVICE).result()
    assert clients.apim.api_management_service.get(group, name).provisioning_state == "Failed"
    clients.apim.api_management_service.begin_create_or_update(group, name, SERVICE).result()
    assert clients.apim.api_management_service.get(group, name).provisioning_state == "Succeeded"


def test_a_throttle_stops_after_its_count(clients: Clients, group: str, running: Running) -> None:
    inject(running, action="error", status=429, code="TooManyRequests", retry_after_s=1, count=2, path=group)
    for _ in range(2):
        with refused() as said:
            clients.groups.resource_groups.get(group)
        assert (said.status, said.code) == (429, "TooManyRequests")
    assert clients.groups.resource_groups.get(group).name == group
    assert running.admin("GET", "faults") == (200, {})


def test_the_sdk_waits_as_long_as_a_throttle_says(clients: Clients, group: str, running: Running) -> None:
    inject(running, action="error", status=429, retry_after_s=0.1, path=group)
    seen: list[int] = []
    found = clients.groups.resource_groups.get(
        group, retry_total=3, raw_response_hook=lambda r: seen.append(r.http_response.status_code)
    )
    assert (found.name, running.admin("GET", "faults")[1]) == (group, {})


def test_a_connection_dropped_in_the_middle_of_polling_is_survived(
    clients: Clients, group: str, running: Running
) -> None:
    inject(running, action="slow", seconds=0.3, method="PUT", path="/service/")
    inject(running, action="drop", method="GET", path="/operationStatuses/", skip=1)
    poller = clients.apim.api_management_service.begin_create_or_update(
        group, unique("service"), SERVICE, retry_total=3, retry_backoff_factor=0.01
    )
    assert poller.result().provisioning_state == "Succeeded"
    assert running.admin("GET", "faults")[1] == {}


def test_a_dropped_connection_without_retries_is_an_error(clients: Clients, group: str, running: Running) -> None:
    inject(running, action="drop", method="GET", path=group)
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        clients.groups.resource_groups.get(group)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"action": "explode"},
        {"action": "drop", "path": "("},
        {"action": "drop", "count": 0},
        {"action": "drop", "x": 1},
    ],
)
def test_a_wrong_fault_is_refused(running: Running, wrong: dict[str, Any]) -> None:
    status, body = running.admin("POST", "faults", wrong)
    assert status == 400
    assert body["error"]
    assert running.admin("GET", "faults") == (200, {})


def test_an_unknown_operation_is_not_found(running: Running, owner_token: str) -> None:
    path = (
        f"/subscriptions/{running.connection['subscription_id']}/providers/Microsoft.ApiManagement/locations/eastus"
        "/operationStatuses/none?api-version=2024-05-01"
    )
    status, body = running.call("GET", path, headers={"Authorization": f"Bearer {owner_token}"})
    assert (status, body["error"]["code"]) == (404, "OperationNotFound")
