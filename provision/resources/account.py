"""Azure OpenAI accounts and their model deployments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from provision.resources.base import Fields, Found, Resource, SoftDeleting, none_if_absent, none_if_hidden, wait_for
from provision.resources.group import plain_location
from tripcurve.lab.retirement import retired

__all__ = ["Account", "Deployment"]

ACCOUNT_SKU = "S0"


class Account(SoftDeleting):
    """One Azure OpenAI account. Its custom domain is its name; without one it refuses tokens of managed identities."""

    type = "OpenAI account"
    fixed: ClassVar[Mapping[str, str]] = {
        "kind": "backends[].kind",
        "sku": "backends[].kind",
        "location": "backends[].location",
        "custom_domain": "backends[].name",
    }
    taggable = True
    _read_location: str | None = None

    @property
    def id(self) -> str:
        return f"{self.context.group_id}/providers/Microsoft.CognitiveServices/accounts/{self.name}"

    @property
    def location(self) -> str:
        found = [backend.location for backend in self.context.lab.backends if backend.name == self.name]
        return next((location for location in found if location is not None), self.context.lab.location)

    @property
    def real_location(self) -> str:
        """Return the account's location if it was read, else the location that the lab names."""
        return self.location if self._read_location is None else self._read_location

    @property
    def declared(self) -> bool:
        return self.name in self.context.lab.existing.accounts

    @property
    def declare_with(self) -> str:
        return f"existing: {{accounts: [{self.name}]}}"

    def desired(self) -> Fields:
        domain = self.name.lower()
        return {"kind": "OpenAI", "sku": ACCOUNT_SKU, "location": self.location, "custom_domain": domain}

    def read(self) -> Found | None:
        accounts = self.context.clients.cognitive.accounts
        account = none_if_absent(lambda: accounts.get(self.context.lab.resource_group, self.name))
        if account is None:
            return None
        self._read_location = plain_location(account.location)
        properties = account.properties
        domain = None if properties is None else properties.custom_sub_domain_name
        fields = {
            "kind": account.kind,
            "sku": None if account.sku is None else account.sku.name,
            "location": plain_location(account.location),
            "custom_domain": None if domain is None else domain.lower(),
        }
        state = None if properties is None else properties.provisioning_state
        return Found(fields, tags=account.tags or {}, state=state)

    def put(self, found: Found | None) -> None:
        from azure.mgmt.cognitiveservices import models

        body = models.Account(
            kind="OpenAI",
            sku=models.Sku(name=ACCOUNT_SKU),
            location=self.location,
            tags=self.context.tags,
            properties=models.AccountProperties(custom_sub_domain_name=self.name.lower()),
        )
        accounts = self.context.clients.cognitive.accounts
        wait_for(accounts.begin_create(self.context.lab.resource_group, self.name, body), self.context.heartbeat)

    def delete(self) -> None:
        accounts = self.context.clients.cognitive.accounts
        poller = none_if_absent(lambda: accounts.begin_delete(self.context.lab.resource_group, self.name))
        if poller is not None:
            wait_for(poller, self.context.heartbeat)

    def holder(self) -> str | None:
        return None if self._held_in() is None else self.id

    def _held_in(self) -> str | None:
        """Return the location of the soft-deleted account, which may differ from the lab's; None if there is none."""
        deleted = self.context.clients.cognitive.deleted_accounts
        end = f"/resourcegroups/{self.context.lab.resource_group}/deletedaccounts/{self.name}".lower()
        found = none_if_hidden(lambda: [one for one in deleted.list() if (one.id or "").lower().endswith(end)])
        return None if not found else plain_location(found[0].location)

    def purge(self) -> None:
        deleted = self.context.clients.cognitive.deleted_accounts
        location, group = self._held_in(), self.context.lab.resource_group
        if location is None:
            return
        poller = none_if_absent(lambda: deleted.begin_purge(location, group, self.name))
        if poller is not None:
            wait_for(poller, self.context.heartbeat)

    def purge_command(self) -> str:
        group = self.context.lab.resource_group
        location = self._held_in() or self.location
        return f"az cognitiveservices account purge -g {group} -n {self.name} -l {location}"


class Deployment(Resource):
    """The model deployment of an account, named `account/deployment`."""

    type = "model deployment"

    @property
    def id(self) -> str:
        assert self.parent is not None  # noqa: S101  # built with its account, for the type checker
        return f"{self.parent.id}/deployments/{self.deployment}"

    @property
    def account(self) -> str:
        """The name of the account that contains the deployment."""
        return self.name.partition("/")[0]

    @property
    def deployment(self) -> str:
        """The deployment's own name, without its account's."""
        return self.name.partition("/")[2]

    def desired(self) -> Fields:
        model = self.context.lab.model
        return {"model": model.name, "version": model.version, "sku": model.sku, "capacity": model.capacity}

    def obstacle(self) -> str | None:
        """Return why the region cannot serve the model; None if it can. Checked first, before an account is created."""
        wanted, location = self.context.lab.model, self.location
        if self.context.cloud.kind == "azure" and (gone := retired(wanted, date.today())) is not None:
            return f"model deployment {self.name}: {gone}"
        catalogue = none_if_hidden(lambda: list(self.context.clients.cognitive.models.list(location)))
        if catalogue is None:
            return None
        offered = {(item.model.name, item.model.version) for item in catalogue if item.model is not None}
        if (wanted.name, wanted.version) in offered:
            return None
        versions = sorted(version for name, version in offered if name == wanted.name and version is not None)
        instead = f"it has version {', '.join(versions)}" if versions else "it has no version of this model"
        return (
            f"model deployment {self.name}: region {location} does not offer {wanted.name} "
            f"{wanted.version} ({instead}); change the lab's location or model"
        )

    @property
    def location(self) -> str:
        """The region of the account: as it was read, else as the lab names it."""
        assert isinstance(self.parent, Account)  # noqa: S101  # built with its account, for the type checker
        return self.parent.real_location

    def read(self) -> Found | None:
        deployments = self.context.clients.cognitive.deployments
        group = self.context.lab.resource_group
        found = none_if_absent(lambda: deployments.get(group, self.account, self.deployment))
        if found is None:
            return None
        properties, sku = found.properties, found.sku
        model = None if properties is None else properties.model
        fields = {
            "model": None if model is None else model.name,
            "version": None if model is None else model.version,
            "sku": None if sku is None else sku.name,
            "capacity": None if sku is None else sku.capacity,
        }
        state = None if properties is None else properties.provisioning_state
        return Found(fields, state=state, etag=found.etag)

    def put(self, found: Found | None) -> None:
        from azure.mgmt.cognitiveservices import models

        model = self.context.lab.model
        body = models.Deployment(
            sku=models.Sku(name=model.sku, capacity=model.capacity),
            properties=models.DeploymentProperties(
                model=models.DeploymentModel(format="OpenAI", name=model.name, version=model.version)
            ),
        )
        deployments = self.context.clients.cognitive.deployments
        poller = deployments.begin_create_or_update(
            self.context.lab.resource_group, self.account, self.deployment, body
        )
        wait_for(poller, self.context.heartbeat)

    def delete(self) -> None:
        deployments = self.context.clients.cognitive.deployments
        group = self.context.lab.resource_group
        poller = none_if_absent(lambda: deployments.begin_delete(group, self.account, self.deployment))
        if poller is not None:
            wait_for(poller, self.context.heartbeat)
