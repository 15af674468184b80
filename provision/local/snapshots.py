"""Build the snapshot that each child process receives: all of its state, taken from the store."""

from __future__ import annotations

from typing import Any

from provision.local.arm.apim.compiler import fragments_of, named_values_of
from provision.local.arm.apim.service import SERVICE_TYPE
from provision.local.arm.cognitive import ACCOUNT, DEPLOYMENT, subdomain
from provision.local.arm.roles import ASSIGNMENT_TYPE
from provision.local.arm.store import Resource, Store
from provision.local.arm.web import SITE

__all__ = ["mock_snapshot", "service_snapshot"]

Json = dict[str, Any]


def mock_snapshot(store: Store, token_key: str, options: Json) -> Json:
    """Return the mock's snapshot: accounts, web apps, and the role assignments that give access to them."""
    return {
        "port": 0,
        "options": options,
        "accounts": [_account(store, account) for account in store.of_kind(ACCOUNT.type)],
        "sites": [_site(site) for site in store.of_kind(SITE.type)],
        "role_assignments": [
            _assignment(found) for found in store.of_kind(ASSIGNMENT_TYPE) if not found.secrets.get("pending")
        ],
        "token_key": token_key,
    }


def _account(store: Store, account: Resource) -> Json:
    deployments = store.children(account.id, DEPLOYMENT.type)
    return {
        "name": subdomain(account),
        "resource_id": account.id,
        "location": account.body["location"],
        "keys": [account.secrets["key1"], account.secrets["key2"]],
        "deployments": [
            {
                "name": deployment.name,
                "model": deployment.properties["model"]["name"],
                "version": deployment.properties["model"].get("version"),
                "sku": deployment.body["sku"]["name"],
                "capacity": deployment.body["sku"]["capacity"],
            }
            for deployment in deployments
        ],
    }


def _site(site: Resource) -> Json:
    location = str(site.body["location"]).replace(" ", "").lower()
    return {"name": site.name, "location": location, "settings": site.secrets.get("settings", {})}


def _assignment(found: Resource) -> Json:
    return {
        "scope": found.properties["scope"],
        "principal_id": found.properties["principalId"],
        "role_definition_id": str(found.properties["roleDefinitionId"]).rsplit("/", 1)[1],
    }


def service_snapshot(store: Store, service: Resource) -> Json:
    """Return the configuration of one API Management service that its gateway units need."""
    return {
        "policy": _policy(store, service),
        "named_values": named_values_of(store, service),
        "fragments": fragments_of(store, service),
        "apis": [_api(store, api) for api in _inside(store, service, "apis")],
        "products": [_product(store, product) for product in _inside(store, service, "products")],
        "subscriptions": [_subscription(service, found) for found in _inside(store, service, "subscriptions")],
        "backends": [
            {"name": found.name, "properties": found.properties} for found in _inside(store, service, "backends")
        ],
    }


def _inside(store: Store, parent: Resource, what: str) -> list[Resource]:
    return store.children(parent.id, f"{parent.kind}/{what}")


def _policy(store: Store, parent: Resource) -> Json | None:
    found = store.get(f"{parent.id}/policies/policy")
    return None if found is None else {key: found.properties[key] for key in ("format", "value")}


def _api(store: Store, api: Resource) -> Json:
    names = api.properties["subscriptionKeyParameterNames"]
    return {
        "id": api.name,
        "name": api.properties["displayName"],
        "path": api.properties["path"],
        "service_url": api.properties.get("serviceUrl"),
        "subscription_required": api.properties["subscriptionRequired"],
        "key_header": names["header"],
        "key_query": names["query"],
        "key_bearer": names.get("bearer") == "enabled",
        "policy": _policy(store, api),
        "operations": [
            {
                "id": operation.name,
                "name": operation.properties["displayName"],
                "method": operation.properties["method"],
                "url_template": operation.properties["urlTemplate"],
                "policy": _policy(store, operation),
            }
            for operation in _inside(store, api, "operations")
        ],
    }


def _product(store: Store, product: Resource) -> Json:
    return {
        "id": product.name,
        "name": product.properties["displayName"],
        "subscription_required": product.properties["subscriptionRequired"],
        "state": product.properties["state"],
        "apis": [link.name for link in store.children(product.id, f"{SERVICE_TYPE}/products/apis")],
        "policy": _policy(store, product),
    }


def _subscription(service: Resource, found: Resource) -> Json:
    """Return a subscription. Its `scope` is relative to the service: `/apis`, `/apis/openai` or `/products/gold`."""
    scope = str(found.properties["scope"])[len(service.id) :]
    return {
        "id": found.name,
        "name": found.properties.get("displayName") or found.name,
        "primary_key": found.secrets["primaryKey"],
        "secondary_key": found.secrets["secondaryKey"],
        "state": found.properties["state"],
        "scope": "/apis" if scope.strip("/") in ("", "apis") else scope,
    }
