"""A snapshot prepared for serving: routes, keys and pipelines, compiled once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provision.local.apim.context import Api, Deployment, Operation, Product, Url
from provision.local.apim.policies.document import DEFAULT_GLOBAL, Document, compile_document
from provision.local.apim.policies.pipeline import Pipeline
from provision.local.apim.policies.targets import parse_url
from provision.local.gateway.config import ApiConfig, OperationConfig, PolicyText, ProductConfig, Snapshot
from provision.local.gateway.keys import KeyRing
from provision.local.gateway.routing import Router

__all__ = ["NO_API", "NO_OPERATION", "Table"]

_Key = tuple[str, str, str]
"""Scope, format and text of a policy document."""

NO_API = Api("", "", "")
NO_OPERATION = Operation("", "", "", "")


@dataclass(frozen=True, slots=True)
class _Served:
    """An API in the form that requests need."""

    api: Api
    base: Url | None


class Table:
    """All that a unit looks up for each request. Raises PolicyError for a policy that does not compile."""

    def __init__(self, snapshot: Snapshot, before: Table | None = None) -> None:
        """Compile a snapshot. Parts that have not changed since the table `before` are not compiled again."""
        self.snapshot = snapshot
        self._compiled: dict[_Key, Document] = {}
        same = before is not None and _same_surroundings(before.snapshot, snapshot)
        known = before._compiled if before is not None and same else {}
        self.router = Router(snapshot.apis)
        self.keys = KeyRing(snapshot.subscriptions, snapshot.products, snapshot.apis)
        service = snapshot.service
        self.deployment = Deployment(service.resource_id, service.name, service.location)
        self._apis = {api.id: _served(api) for api in snapshot.apis}
        self._operations = {
            (api.id, operation.id): _operation(operation) for api in snapshot.apis for operation in api.operations
        }
        self._products = {product.id: Product(product.id, product.name or product.id) for product in snapshot.products}
        self._fragments: Mapping[str, Mapping[str, str]] = {
            name: {"format": text.format, "value": text.value} for name, text in snapshot.fragments.items()
        }
        self._compile_all(snapshot, known)
        self._pipelines: dict[tuple[str | None, str, str], Pipeline] = {}

    def api(self, config: ApiConfig) -> Api:
        return self._apis[config.id].api

    def base(self, config: ApiConfig) -> Url | None:
        """Return the API's service URL, or None if it has none."""
        return self._apis[config.id].base

    def operation(self, api: ApiConfig, operation: OperationConfig) -> Operation:
        return self._operations[api.id, operation.id]

    def product(self, config: ProductConfig | None) -> Product | None:
        return None if config is None else self._products[config.id]

    def pipeline(
        self, product: ProductConfig | None, api: ApiConfig | None, operation: OperationConfig | None
    ) -> Pipeline:
        """Return the policies of all scopes that apply, joined."""
        key = (
            None if product is None else product.id,
            "" if api is None else api.id,
            "" if operation is None else operation.id,
        )
        found = self._pipelines.get(key)
        if found is None:
            documents = [
                self._global,
                self._of_product.get(product.id) if product is not None else None,
                self._of_api.get(api.id) if api is not None else None,
                self._of_operation.get((api.id, operation.id)) if api is not None and operation is not None else None,
            ]
            found = self._pipelines[key] = Pipeline(documents)
        return found

    def _compile_all(self, snapshot: Snapshot, known: Mapping[_Key, Document]) -> None:
        def compiled(text: PolicyText, scope: str) -> Document:
            key = (scope, text.format, text.value)
            found = self._compiled.get(key) or known.get(key) or self._compile(text, scope)
            return self._compiled.setdefault(key, found)

        stored = snapshot.policy if snapshot.policy is not None else PolicyText(value=DEFAULT_GLOBAL)
        self._global = compiled(stored, "global")
        self._of_product = {
            product.id: compiled(product.policy, "product")
            for product in snapshot.products
            if product.policy is not None
        }
        self._of_api = {api.id: compiled(api.policy, "api") for api in snapshot.apis if api.policy is not None}
        self._of_operation = {
            (api.id, operation.id): compiled(operation.policy, "operation")
            for api in snapshot.apis
            for operation in api.operations
            if operation.policy is not None
        }

    def _compile(self, text: PolicyText, scope: str) -> Document:
        return compile_document(
            text.value,
            format=text.format,
            scope=scope,
            named_values=self.snapshot.named_values,
            fragments=self._fragments,
            options=self.snapshot.options,
        )


def _same_surroundings(one: Snapshot, other: Snapshot) -> bool:
    """Return whether the same policy text means the same in both snapshots."""
    return one.named_values == other.named_values and one.fragments == other.fragments and one.options == other.options


def _served(config: ApiConfig) -> _Served:
    api = Api(
        config.id, config.name or config.id, config.path, config.service_url or None, config.revision, config.version
    )
    return _Served(api, parse_url(config.service_url, "api") if config.service_url else None)


def _operation(config: OperationConfig) -> Operation:
    return Operation(config.id, config.name or config.id, config.method, config.url_template)
