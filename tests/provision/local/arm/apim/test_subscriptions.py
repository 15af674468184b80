"""Subscriptions and products: who may call what."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.provision.local.arm.refusals import raw, refused
from tests.provision.local.running import Running
from tests.provision.local.samples import Place
from tests.provision.local.sdk import Clients, unique


@pytest.fixture
def api(clients: Clients, place: Place) -> str:
    name = unique("api")
    contract = {"properties": {"displayName": name, "path": name, "protocols": ["https"]}}
    clients.apim.api.begin_create_or_update(*place.at, name, contract).result()
    return name


def test_keys_are_given_or_made_and_shown_only_on_request(clients: Clients, place: Place) -> None:
    name, subscriptions = unique("sub"), clients.apim.subscription
    contract = {"properties": {"displayName": "S", "scope": "/apis", "primaryKey": "my-own-key"}}
    made = subscriptions.create_or_update(*place.at, name, contract)
    assert (made.primary_key, made.state) == (None, "active")
    keys = subscriptions.list_secrets(*place.at, name)
    assert keys.primary_key == "my-own-key"
    assert len(keys.secondary_key) == 32


def test_one_key_changes_and_the_other_stays(clients: Clients, place: Place, running: Running) -> None:
    name, subscriptions = unique("sub"), clients.apim.subscription
    subscriptions.create_or_update(*place.at, name, {"properties": {"displayName": "S", "scope": "/apis"}})
    before = subscriptions.list_secrets(*place.at, name)
    subscriptions.regenerate_primary_key(*place.at, name)
    after = subscriptions.list_secrets(*place.at, name)
    assert after.primary_key != before.primary_key
    assert after.secondary_key == before.secondary_key
    told = [entry for entry in running.told() if entry["service"]["name"] == place.service][-1]
    assert after.primary_key in [entry["primary_key"] for entry in told["subscriptions"]]
    assert before.primary_key not in [entry["primary_key"] for entry in told["subscriptions"]]


@pytest.mark.parametrize(
    ("wrong", "target"),
    [
        ({"scope": "/apis/absent"}, "scope"),
        ({"scope": ""}, "scope"),
        ({"displayName": ""}, "displayName"),
        ({"state": "lost"}, "state"),
        ({"primaryKey": "x" * 257}, "primaryKey"),
    ],
)
def test_a_wrong_subscription_is_refused(clients: Clients, place: Place, wrong: dict[str, str], target: str) -> None:
    contract = {"properties": {"displayName": "S", "scope": "/apis", **wrong}}
    with refused() as said:
        clients.apim.subscription.create_or_update(*place.at, unique("sub"), raw(contract))
    assert list(said.details) == [target]


def test_the_built_in_subscription_stays(clients: Clients, place: Place) -> None:
    with refused() as said:
        clients.apim.subscription.delete(*place.at, "master", if_match="*")
    assert said.code == "ValidationError"


def test_a_product_holds_apis_and_its_subscriptions_open_them(
    clients: Clients, place: Place, api: str, running: Running
) -> None:
    product, name = unique("product"), unique("sub")
    contract = {"properties": {"displayName": product, "state": "published"}}
    clients.apim.product.create_or_update(*place.at, product, contract)
    clients.apim.product_api.create_or_update(*place.at, product, api)
    assert [found.name for found in clients.apim.product_api.list_by_product(*place.at, product)] == [api]
    scoped = {"properties": {"displayName": name, "scope": f"/products/{product}"}}
    clients.apim.subscription.create_or_update(*place.at, name, scoped)
    told = [entry for entry in running.told() if entry["service"]["name"] == place.service][-1]
    (mine,) = [entry for entry in told["products"] if entry["id"] == product]
    assert (mine["apis"], mine["state"]) == ([api], "published")
    (opened,) = [entry for entry in told["subscriptions"] if entry["id"] == name]
    assert opened["scope"] == f"/products/{product}"


def test_a_product_with_subscriptions_is_deleted_only_together_with_them(clients: Clients, place: Place) -> None:
    product, name = unique("product"), unique("sub")
    clients.apim.product.create_or_update(*place.at, product, {"properties": {"displayName": product}})
    scoped = {"properties": {"displayName": name, "scope": f"/products/{product}"}}
    clients.apim.subscription.create_or_update(*place.at, name, scoped)
    with refused() as said:
        clients.apim.product.delete(*place.at, product, if_match="*")
    assert said.code == "ValidationError"
    clients.apim.product.delete(*place.at, product, if_match="*", delete_subscriptions=True)
    with refused() as said:
        clients.apim.subscription.get(*place.at, name)
    assert said.status == 404


def test_an_unlinked_api_leaves_the_product(clients: Clients, place: Place, api: str) -> None:
    product = unique("product")
    clients.apim.product.create_or_update(*place.at, product, {"properties": {"displayName": product}})
    clients.apim.product_api.create_or_update(*place.at, product, api)
    assert clients.apim.product_api.check_entity_exists(*place.at, product, api)
    clients.apim.product_api.delete(*place.at, product, api)
    with pytest.raises(ResourceNotFoundError):
        clients.apim.product_api.check_entity_exists(*place.at, product, api)
