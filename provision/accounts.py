"""Azure OpenAI accounts and their model deployments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from provision.groups import plain_location
from provision.resource import Fields, Found, Resource, SoftDeleting, none_if_absent, none_if_hidden, wait_for

__all__ = ["Account", "Deployment"]

ACCOUNT_SKU = "S0"


class Account(SoftDeleting):
    """One Azure OpenAI account; its custom domain is its name, which a managed identity's token needs."""

    type = "OpenAI account"
    fixed: ClassVar[Mapping[str, str]] = {
        "kind": "backends[].kind",
        "sku": "backends[].kind",
        "location": "backends[].location",
        "custom_domain": "backends[].name",
    }
    taggable = True

    @property
    def id(self) -> str:
        return f"{self.context.group_id}/providers/Microsoft.CognitiveServices/accounts/{self.name}"

    @property
    def location(self) -> str:
        found = [backend.location for backend in self.context.lab.backends if backend.name == self.name]
        return next((location for location in found if location is not None), self.context.lab.location)

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
        deleted = self.context.clients.cognitive.deleted_accounts
        group = self.context.lab.resource_group
        twin = none_if_hidden(lambda: deleted.get(self.location, group, self.name))
        return None if twin is None else self.id

    def purge(self) -> None:
        deleted = self.context.clients.cognitive.deleted_accounts
        group = self.context.lab.resource_group
        poller = none_if_absent(lambda: deleted.begin_purge(self.location, group, self.name))
        if poller is not None:
            wait_for(poller, self.context.heartbeat)

    def purge_command(self) -> str:
        group = self.context.lab.resource_group
        return f"az cognitiveservices account purge -g {group} -n {self.name} -l {self.location}"


class Deployment(Resource):
    """The model deployment of an account, named `account/deployment`."""

    type = "model deployment"

    @property
    def id(self) -> str:
        assert self.parent is not None  # noqa: S101  # built with its account, for the type checker
        return f"{self.parent.id}/deployments/{self.deployment}"

    @property
    def account(self) -> str:
        return self.name.partition("/")[0]

    @property
    def deployment(self) -> str:
        return self.name.partition("/")[2]

    def desired(self) -> Fields:
        model = self.context.lab.model
        return {"model": model.name, "version": model.version, "sku": model.sku, "capacity": model.capacity}

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
