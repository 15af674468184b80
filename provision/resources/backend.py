"""Backend entities of the gateway with their breaker rules, and the pool over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.resources.base import Fields, Found, Resource, none_if_absent
from provision.resources.rule import rule_from_arm, rule_to_arm
from tripcurve.lab import Backend

if TYPE_CHECKING:
    from azure.mgmt.apimanagement.models import BackendContract

__all__ = ["BackendEntity", "PoolEntity"]

WHATS_BEHIND = {"mock": "Mock server", "openai": "OpenAI resource", "existing": "existing endpoint"}
ANY = "*"


class _Entity(Resource):
    """What a backend and a pool have in common: they are one ARM type."""

    @property
    def id(self) -> str:
        return f"{self.context.gateway_id}/backends/{self.name}"

    def _get(self) -> tuple[BackendContract, str | None] | None:
        """The entity with its ETag; None when it is not there."""
        get: Any = self.context.clients.apim.backend.get  # `cls` changes what it returns
        lab = self.context.lab
        return none_if_absent(lambda: get(lab.resource_group, lab.gateway.name, self.name, cls=_with_etag))

    def _put(self, body: BackendContract, found: Found | None) -> None:
        backends, lab = self.context.clients.apim.backend, self.context.lab
        etag = None if found is None else found.etag
        backends.create_or_update(lab.resource_group, lab.gateway.name, self.name, body, if_match=etag)

    def delete(self) -> None:
        backends, lab = self.context.clients.apim.backend, self.context.lab
        none_if_absent(lambda: backends.delete(lab.resource_group, lab.gateway.name, self.name, if_match=ANY))


class BackendEntity(_Entity):
    """One backend: its address and its breaker, in the words of the seed."""

    type = "backend"

    @property
    def backend(self) -> Backend:
        return next(backend for backend in self.context.lab.backends if backend.name == self.name)

    def desired(self) -> Fields:
        backend = self.backend
        fields: Fields = {
            "title": f"{self.name} backend",
            "url": backend.base_url,
            "description": f"Backend for {WHATS_BEHIND[backend.kind]} {self.name}",
            "protocol": "http",
        }
        rule = None if backend.breaker is None else backend.breaker.model_dump(mode="json")
        return {**fields, "breaker": rule}

    def read(self) -> Found | None:
        got = self._get()
        if got is None:
            return None
        entity, etag = got
        rules = [] if entity.circuit_breaker is None else entity.circuit_breaker.rules or []
        fields: Fields = {
            "title": entity.title,
            "url": (entity.url or "").rstrip("/"),
            "description": entity.description,
            "protocol": entity.protocol,
            "breaker": None if not rules else rule_from_arm(rules[0]),
        }
        return Found(fields, etag=etag)

    def put(self, found: Found | None) -> None:
        from azure.mgmt.apimanagement import models

        backend, wanted = self.backend, self.desired()
        rules = [] if backend.breaker is None else [rule_to_arm(backend.breaker)]
        body = models.BackendContract(
            title=wanted["title"],
            url=wanted["url"],
            description=wanted["description"],
            protocol=wanted["protocol"],
            circuit_breaker=models.BackendCircuitBreaker(rules=rules) if rules else None,
        )
        self._put(body, found)


class PoolEntity(_Entity):
    """The pool: its members by id, with priority and weight. It has no address of its own."""

    type = "pool"

    def desired(self) -> Fields:
        members = {
            backend.name: {"priority": backend.priority, "weight": backend.weight}
            for backend in self.context.lab.backends
        }
        return {"members": members}

    def read(self) -> Found | None:
        got = self._get()
        if got is None:
            return None
        entity, etag = got
        services = [] if entity.pool is None else entity.pool.services or []
        members = {}
        for item in services:
            name = item.id.rsplit("/", 1)[-1]
            members[name] = self._stated(name, {"priority": item.priority, "weight": item.weight})
        return Found({"members": members}, etag=etag)

    def _stated(self, name: str, member: dict[str, int | None]) -> dict[str, int | None]:
        """Without the service's defaults for what the lab leaves open."""
        wanted = self.desired()["members"].get(name)
        if wanted is None:
            return member
        return {key: None if wanted[key] is None else value for key, value in member.items()}

    def put(self, found: Found | None) -> None:
        from azure.mgmt.apimanagement import models

        services = [
            models.BackendPoolItem(
                id=f"{self.context.gateway_id}/backends/{backend.name}",
                priority=backend.priority,
                weight=backend.weight,
            )
            for backend in self.context.lab.backends
        ]
        body = models.BackendContract(
            description=f"Pool of {len(services)} backends",
            type_properties_type="Pool",
            pool=models.BackendBaseParametersPool(services=services),
        )
        self._put(body, found)


def _with_etag(response: Any, entity: Any, headers: Any) -> Any:
    """Return the entity and its ETag, for use as the SDK's `cls` callback."""
    del response
    return entity, headers.get("ETag")
