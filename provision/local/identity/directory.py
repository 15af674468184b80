"""The principals of the local tenant: applications with a secret, and managed identities."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from uuid import uuid4

__all__ = ["Application", "Directory", "ManagedIdentity"]


@dataclass(frozen=True, slots=True)
class Application:
    """A client that signs in with a secret. `role` is its role on the whole subscription."""

    client_id: str
    object_id: str
    role: str
    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """The identity of one resource, or a user-assigned one, which is a resource itself.

    A request for a token must send `secret`.
    """

    resource_id: str
    principal_id: str
    client_id: str
    secret: str = field(repr=False)


class Directory:
    """The principals of the local tenant, in memory only."""

    def __init__(self, tenant_id: str) -> None:
        self.tenant_id = tenant_id
        self._applications: dict[str, Application] = {}
        self._identities: dict[str, ManagedIdentity] = {}
        self._assigned: dict[str, tuple[str, ...]] = {}

    def add_application(self, role: str, name: str, client_id: str | None = None) -> Application:
        """Add an application with a random secret and a built-in role on the subscription, and return it.

        `client_id` None means a new one.
        """
        identifier = str(uuid4()) if client_id is None else client_id
        made = Application(identifier, str(uuid4()), role, name, secrets.token_urlsafe(24))
        self._applications[made.client_id] = made
        return made

    def sign_in(self, client_id: str, secret: str) -> Application | None:
        """Return the application with this client id and secret; None if either is wrong."""
        found = self._applications.get(client_id.lower())
        if found is None or not hmac.compare_digest(found.secret.encode(), secret.encode()):
            return None
        return found

    def knows_client(self, client_id: str) -> bool:
        """Return whether an application with this id exists, whatever its secret."""
        return client_id.lower() in self._applications

    def application_of(self, object_id: str) -> Application | None:
        """Return the application with this object id; None for any other principal."""
        return next((found for found in self._applications.values() if found.object_id == object_id), None)

    def add_identity(self, resource_id: str) -> ManagedIdentity:
        """Return the identity of a resource, which the first call creates."""
        key = resource_id.lower()
        if key not in self._identities:
            self._identities[key] = ManagedIdentity(resource_id, str(uuid4()), str(uuid4()), secrets.token_urlsafe(24))
        return self._identities[key]

    def identity_of(self, resource_id: str) -> ManagedIdentity | None:
        """Return the identity of a resource; None if it has none."""
        return self._identities.get(resource_id.lower())

    def assign(self, resource_id: str, identities: tuple[str, ...]) -> None:
        """Let a resource use these user-assigned identities, given by their resource ids, and no others."""
        self._assigned[resource_id.lower()] = identities

    def assigned_to(self, resource_id: str) -> list[ManagedIdentity]:
        """Return the user-assigned identities of a resource that still exist."""
        found = [self.identity_of(identity) for identity in self._assigned.get(resource_id.lower(), ())]
        return [identity for identity in found if identity is not None]

    def remove_identity(self, resource_id: str) -> None:
        """Remove a resource's identity, if it has one."""
        self._identities.pop(resource_id.lower(), None)

    def principal_exists(self, principal_id: str) -> bool:
        """Return whether any principal has this object id."""
        return self.name_of(principal_id) is not None

    def name_of(self, principal_id: str) -> str | None:
        """Return the display name of the principal with this object id; None if there is no such principal."""
        application = self.application_of(principal_id)
        if application is not None:
            return application.name
        for identity in self._identities.values():
            if identity.principal_id == principal_id:
                return identity.resource_id.rsplit("/", 1)[1]
        return None
