"""Resource groups, web apps, and the subscription above them."""

from __future__ import annotations

import pytest

from tests.provision.local.arm.refusals import refused
from tests.provision.local.running import Running
from tests.provision.local.sdk import Clients, unique


def test_a_group_is_made_found_listed_and_deleted(clients: Clients) -> None:
    groups, name = clients.groups.resource_groups, unique("group")
    assert not groups.check_existence(name)
    made = groups.create_or_update(name, {"location": "East US", "tags": {"who": "me"}})
    assert (made.location, made.tags) == ("eastus", {"who": "me"})
    assert groups.check_existence(name)
    assert name in [found.name for found in groups.list()]
    assert groups.update(name, {"tags": {"who": "you"}}).tags == {"who": "you"}
    groups.begin_delete(name).result()
    assert not groups.check_existence(name)


def test_a_group_does_not_move(clients: Clients, group: str) -> None:
    with refused() as said:
        clients.groups.resource_groups.create_or_update(group, {"location": "westus"})
    assert (said.status, said.code) == (409, "InvalidResourceGroupLocation")


def test_ids_compare_without_case(clients: Clients, group: str) -> None:
    assert clients.groups.resource_groups.get(group.upper()).name == group


def test_the_settings_of_a_web_app_are_a_resource_of_their_own(clients: Clients, group: str, running: Running) -> None:
    plan, name = unique("plan"), unique("site")
    clients.web.app_service_plans.begin_create_or_update(
        group, plan, {"location": "eastus", "sku": {"name": "B1"}}
    ).result()
    site = {"location": "eastus", "properties": {"siteConfig": {"appSettings": [{"name": "A", "value": "1"}]}}}
    made = clients.web.web_apps.begin_create_or_update(group, name, site).result()
    assert made.default_host_name == f"{name}.azurewebsites.net"
    clients.web.web_apps.update_application_settings(group, name, {"properties": {"B": "2"}})
    assert clients.web.web_apps.list_application_settings(group, name).properties == {"B": "2"}
    (told,) = [entry for entry in running.mock_told()[-1]["sites"] if entry["name"] == name]
    assert told == {"name": name, "location": "eastus", "settings": {"B": "2"}}
    clients.web.web_apps.delete(group, name)
    with refused() as said:
        clients.web.web_apps.get(group, name)
    assert said.code == "ResourceNotFound"


def test_a_site_name_is_taken_across_groups(clients: Clients, group: str) -> None:
    name, other = unique("site"), unique("group")
    clients.groups.resource_groups.create_or_update(other, {"location": "eastus"})
    clients.web.web_apps.begin_create_or_update(group, name, {"location": "eastus"}).result()
    with refused() as said:
        clients.web.web_apps.begin_create_or_update(other, name, {"location": "eastus"})
    assert said.message == f"Website with given name {name} already exists."


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/subscriptions/SUB/resourcegroups/x", 400, "MissingApiVersionParameter"),
        ("/subscriptions/other/resourcegroups/x?api-version=1", 404, "SubscriptionNotFound"),
        ("/subscriptions/SUB/resourcegroups/x?api-version=2025-04-01", 404, "ResourceGroupNotFound"),
        ("/subscriptions/SUB/providers/Microsoft.Nothing?api-version=2025-04-01", 404, "InvalidResourceNamespace"),
        ("/nothing/here/at/all?api-version=1", 404, "NotFound"),
    ],
)
def test_errors_before_any_resource(running: Running, owner_token: str, path: str, status: int, code: str) -> None:
    headers = {"Authorization": f"Bearer {owner_token}"}
    path = path.replace("SUB", running.connection["subscription_id"])
    answered, body = running.call("GET", path, headers=headers)
    assert (answered, body["error"]["code"]) == (status, code)


def test_a_method_that_no_resource_takes_is_405(running: Running, owner_token: str) -> None:
    path = f"/subscriptions/{running.connection['subscription_id']}?api-version=1"
    status, body = running.call("DELETE", path, headers={"Authorization": f"Bearer {owner_token}"})
    assert (status, body["error"]["code"]) == (405, "MethodNotAllowed")


def test_a_body_that_is_not_json_is_refused(running: Running, owner_token: str) -> None:
    path = f"/subscriptions/{running.connection['subscription_id']}/resourcegroups/x?api-version=2025-04-01"
    status, body = running.call("PUT", path, ["no", "object"], {"Authorization": f"Bearer {owner_token}"})
    assert (status, body["error"]["code"]) == (400, "InvalidRequestContent")
