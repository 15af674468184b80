"""Backend entities of the gateway with their breaker rules, and the pool over them."""

from __future__ import annotations

import json
from typing import Any

from provision.resources.base import Fields, Found, Resource, none_if_absent
from provision.resources.rule import rule_from_arm, rule_to_arm
from tripcurve.lab import Backend

__all__ = ["BackendEntity", "PoolEntity"]

WHATS_BEHIND = {"mock": "Mock server", "openai": "OpenAI resource", "existing": "existing endpoint"}
ANY = "*"

Json = dict[str, Any]


class _Entity(Resource):
    """Base of backend and pool, which are one ARM type."""

    @property
    def id(self) -> str:
        return f"{self.context.gateway_id}/backends/{self.name}"

    def _get(self) -> tuple[Json, str | None] | None:
        """Return the entity's properties in ARM's JSON, and its ETag; None if it does not exist."""
        get: Any = self.context.clients.apim.backend.get  # `cls` changes its return type
        lab = self.context.lab
        where = lab.resource_group, lab.gateway.name, self.name
        version = lab.gateway.api_version
        return none_if_absent(lambda: get(*where, api_version=version, cls=_properties_and_etag))

    def _put(self, wanted: Json, found: Found | None) -> None:
        """Merge the wanted properties into those in force, so that properties that others have set are kept.

        A wanted property that is None is removed.
        """
        backends, lab = self.context.clients.apim.backend, self.context.lab
        in_force = self._get() if found is not None else None
        properties = {**(in_force[0] if in_force else {}), **wanted}
        properties = {key: value for key, value in properties.items() if value is not None}
        put: Any = backends.create_or_update  # also takes bytes, contrary to its type hints
        put(
            lab.resource_group,
            lab.gateway.name,
            self.name,
            json.dumps({"properties": properties}).encode(),
            if_match=None if found is None else found.etag,
            api_version=lab.gateway.api_version,
        )

    def obstacle(self) -> str | None:
        known, version = self.context.gateway_versions, self.context.lab.gateway.api_version
        if known is None or version in known or self.name != self.context.lab.backends[0].name:
            return None  # one message is enough for all backends
        newest = ", ".join(sorted(known, reverse=True)[:4])
        return (
            f"gateway.api_version: {self.context.cloud.explain()} does not know {version} of Microsoft.ApiManagement; "
            f"it knows {newest} and older ones"
        )

    def delete(self) -> None:
        backends, lab = self.context.clients.apim.backend, self.context.lab
        none_if_absent(lambda: backends.delete(lab.resource_group, lab.gateway.name, self.name, if_match=ANY))


class BackendEntity(_Entity):
    """One backend: its address, its description as the seed words it, and its breaker rule."""

    type = "backend"

    @property
    def backend(self) -> Backend:
        """The lab's backend of this name."""
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
        properties, etag = got
        rules = (properties.get("circuitBreaker") or {}).get("rules") or []
        fields: Fields = {
            "title": properties.get("title"),
            "url": (properties.get("url") or "").rstrip("/"),
            "description": properties.get("description"),
            "protocol": properties.get("protocol"),
            "breaker": rule_from_arm(rules[0]) if rules else None,
        }
        return Found(fields, etag=etag)

    def put(self, found: Found | None) -> None:
        rule, wanted = self.backend.breaker, self.desired()
        wanted["circuitBreaker"] = None if rule is None else {"rules": [rule_to_arm(rule)]}
        del wanted["breaker"]
        self._put(wanted, found)


class PoolEntity(_Entity):
    """The pool: its members by id, with priority and weight. It has no address of its own."""

    type = "pool"

    def desired(self) -> Fields:
        members = {
            backend.name: {"priority": backend.priority, "weight": backend.weight}
            for backend in self.context.lab.backends
        }
        return {"members": members, **self._stated_settings}

    @property
    def _stated_settings(self) -> Fields:
        """The pool's settings that the lab states; others are left as they are."""
        pool = self.context.lab.pool
        settings = {"failure_response": pool.failure_response, "session_affinity": pool.session_affinity}
        return {name: value for name, value in settings.items() if value is not None}

    def read(self) -> Found | None:
        got = self._get()
        if got is None:
            return None
        properties, etag = got
        pool = properties.get("pool") or {}
        members = {}
        for item in pool.get("services") or []:
            name = item["id"].rsplit("/", 1)[-1]
            members[name] = self._stated(name, {"priority": item.get("priority"), "weight": item.get("weight")})
        read = {
            "failure_response": (pool.get("failureResponse") or {}).get("statusCode"),
            "session_affinity": ((pool.get("sessionAffinity") or {}).get("sessionId") or {}).get("name"),
        }
        fields: Fields = {"members": members, **{name: read[name] for name in self._stated_settings}}
        return Found(fields, etag=etag)

    def _stated(self, name: str, member: dict[str, int | None]) -> dict[str, int | None]:
        """Return a member as read, but with None for each field that the lab leaves to the service's default."""
        wanted = self.desired()["members"].get(name)
        if wanted is None:
            return member
        return {key: None if wanted[key] is None else value for key, value in member.items()}

    def put(self, found: Found | None) -> None:
        lab, in_force = self.context.lab, self._get() if found is not None else None
        pool = ((in_force[0].get("pool") or {}) if in_force else {}).copy()
        known = {item["id"].rsplit("/", 1)[-1]: item for item in pool.get("services") or []}
        pool["services"] = [{**known.get(backend.name, {}), **self._member(backend)} for backend in lab.backends]
        if lab.pool.failure_response is not None:
            pool["failureResponse"] = {"statusCode": lab.pool.failure_response}
        if lab.pool.session_affinity is not None:
            pool["sessionAffinity"] = {"sessionId": {"source": "cookie", "name": lab.pool.session_affinity}}
        self._put({"description": f"Pool of {len(lab.backends)} backends", "type": "Pool", "pool": pool}, found)

    def _member(self, backend: Backend) -> Json:
        """Return what the lab states of a member."""
        stated = {"priority": backend.priority, "weight": backend.weight}
        given = {key: value for key, value in stated.items() if value is not None}
        return {"id": f"{self.context.gateway_id}/backends/{backend.name}", **given}


def _properties_and_etag(response: Any, entity: Any, headers: Any) -> tuple[Json, str | None]:
    """Return the properties, with those that the SDK's models lack, and the ETag: the `cls` of the SDK's `get`."""
    del entity
    return response.http_response.json().get("properties") or {}, headers.get("ETag")
