"""Subscription keys: where a request has its key, whose key it is, and which APIs it gives access to [D-SUB]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from provision.local.apim.context import Headers, Subscription
from provision.local.apim.services import PolicyFault
from provision.local.gateway.config import ApiConfig, ProductConfig, SubscriptionConfig

__all__ = ["Access", "KeyRing"]

MISSING = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
INVALID = "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."


@dataclass(frozen=True, slots=True)
class Access:
    """The subscription and product that a request was admitted with. Both are None if the API needs no key and none was
    sent.
    """

    subscription: Subscription | None = None
    product: ProductConfig | None = None


_ANONYMOUS = Access()


class KeyRing:
    """The keys of a service, indexed beforehand so that a look-up needs two dictionary reads."""

    def __init__(
        self,
        subscriptions: Iterable[SubscriptionConfig],
        products: Iterable[ProductConfig],
        apis: Iterable[ApiConfig],
    ) -> None:
        self._products = {product.id.lower(): product for product in products if product.state.lower() == "published"}
        self._access: dict[str, dict[str, Access]] = {api.id: {} for api in apis}
        self._open = {api_id: self._open_product(api_id) for api_id in self._access}
        for subscription in subscriptions:
            if subscription.state.lower() == "active":
                self._add(subscription)

    def check(self, api: ApiConfig, headers: Headers, query: str, host: str) -> Access:
        """Return the access that these headers and this query give to an API. Raises PolicyFault (401), which names
        `host`.
        """
        key = headers.get(api.key_header)
        if key is None and query:
            key = dict(reversed(parse_qsl(query, keep_blank_values=True))).get(api.key_query)
        if key is None and api.key_bearer:
            key = _bearer(headers)
        access = self._access[api.id].get(key) if key else None
        if access is not None:
            return access
        product = self._open.get(api.id)
        if product is not None:
            return Access(None, product)
        if not api.subscription_required:
            return _ANONYMOUS
        if key:
            raise _denied(api, host, "SubscriptionKeyInvalid", INVALID)
        raise _denied(api, host, "SubscriptionKeyNotFound", MISSING)

    def _open_product(self, api_id: str) -> ProductConfig | None:
        """Return the product that lets everyone use an API ([D-SUB]: an open product), or None."""
        return next(
            (
                product
                for product in self._products.values()
                if not product.subscription_required and api_id in product.apis
            ),
            None,
        )

    def _add(self, config: SubscriptionConfig) -> None:
        kind, name = _scope(config.scope)
        for key in (config.primary_key, config.secondary_key):
            if not key:
                continue
            who = Subscription(config.id, config.name or config.id, key, config.primary_key, config.secondary_key)
            for api_id, access in self._access.items():
                if kind == "products":
                    product = self._products.get(name)
                    if product is not None and api_id in product.apis:
                        access[key] = Access(who, product)
                elif kind == "all" or name == api_id.lower():
                    access[key] = Access(who)


def _scope(scope: str) -> tuple[str, str]:
    """Return `all`, `apis` or `products` and the name within it, from an ARM id or the end of one."""
    parts = [part.lower() for part in scope.split("/") if part]
    if "service" in parts:
        parts = parts[parts.index("service") + 2 :]
    if len(parts) >= 2 and parts[-2] in ("apis", "products"):
        return parts[-2], parts[-1].partition(";rev=")[0]
    return "all", ""


def _bearer(headers: Headers) -> str | None:
    """Return the bearer token in the Authorization header, or None if there is none."""
    scheme, _, token = (headers.get("authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _denied(api: ApiConfig, host: str, reason: str, message: str) -> PolicyFault:
    realm = f"https://{host}/{api.path.strip('/')}"
    challenge = f'AzureApiManagementKey realm="{realm}",name="{api.key_header}",type="header"'
    return PolicyFault("authorization", reason, message, 401, headers=(("WWW-Authenticate", challenge),))
