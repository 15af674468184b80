"""Azure OpenAI accounts and deployments through the SDK."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provision.local.arm.refusals import raw, refused
from tests.provision.local.running import Running
from tests.provision.local.sdk import Clients, unique


def account(name: str, **changes: Any) -> dict[str, Any]:
    body = {"location": "eastus", "kind": "OpenAI", "sku": {"name": "S0"}, "properties": {"customSubDomainName": name}}
    return {**body, **changes}


def deployment(**changes: Any) -> dict[str, Any]:
    model = {"format": "OpenAI", "name": "gpt-35-turbo", "version": "0613", **changes.pop("model", {})}
    return {"sku": {"name": "Standard", "capacity": 30, **changes.pop("sku", {})}, "properties": {"model": model}}


@pytest.fixture
def made(clients: Clients, group: str) -> tuple[str, str]:
    name = unique("openai")
    clients.accounts.accounts.begin_create(group, name, account(name)).result()
    return group, name


def test_an_account_has_an_endpoint_and_keys(clients: Clients, made: tuple[str, str]) -> None:
    found = clients.accounts.accounts.get(*made)
    assert found.properties.provisioning_state == "Succeeded"
    assert found.properties.endpoint == f"https://{made[1]}.openai.azure.com/"
    keys = clients.accounts.accounts.list_keys(*made)
    assert keys.key1 not in str(found.as_dict())
    again = clients.accounts.accounts.regenerate_key(*made, "Key1")
    assert again.key1 != keys.key1
    assert again.key2 == keys.key2


def test_a_deployment_knows_its_model_and_limits(clients: Clients, made: tuple[str, str], running: Running) -> None:
    done = clients.accounts.deployments.begin_create_or_update(*made, "chat", deployment()).result()
    assert (done.properties.model.name, done.sku.capacity) == ("gpt-35-turbo", 30)
    limits = {limit.key: limit.count for limit in done.properties.rate_limits}
    assert limits == {"request": 180, "token": 30_000}
    told = [entry for entry in running.mock_told()[-1]["accounts"] if entry["name"] == made[1]]
    assert told[0]["deployments"] == [
        {"name": "chat", "model": "gpt-35-turbo", "version": "0613", "sku": "Standard", "capacity": 30}
    ]
    clients.accounts.deployments.begin_delete(*made, "chat").result()
    assert list(clients.accounts.deployments.list(*made)) == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (deployment(model={"name": "gpt-0"}), "DeploymentModelNotSupported"),
        (deployment(model={"version": "9999"}), "DeploymentModelNotSupported"),
        (deployment(sku={"name": "Gold"}), "InvalidResourceProperties"),
        ({"sku": {"name": "Standard"}, "properties": {}}, "InvalidResourceProperties"),
    ],
)
def test_a_wrong_deployment_is_refused(
    clients: Clients, made: tuple[str, str], wrong: dict[str, Any], code: str
) -> None:
    with refused() as said:
        clients.accounts.deployments.begin_create_or_update(*made, "chat", raw(wrong))
    assert (said.status, said.code) == (400, code)


def test_a_region_without_the_model_is_refused(clients: Clients, group: str) -> None:
    name = unique("openai")
    clients.accounts.accounts.begin_create(group, name, account(name, location="ukwest")).result()
    with refused() as said:
        clients.accounts.deployments.begin_create_or_update(group, name, "chat", deployment())
    assert "not supported in this region 'ukwest'" in said.message


def test_a_deleted_account_holds_its_name_until_purged(clients: Clients, made: tuple[str, str]) -> None:
    group, name = made
    clients.accounts.accounts.begin_delete(group, name).result()
    assert name in [found.name for found in clients.accounts.deleted_accounts.list()]
    with refused() as said:
        clients.accounts.accounts.begin_create(group, name, account(name))
    assert (said.status, said.code) == (409, "FlagMustBeSetForRestore")
    assert said.message.endswith(
        "has been soft-deleted. To restore the resource, you must specify 'restore' to be 'true' in the property. "
        "If you don't want to restore existing resource, please purge it first."
    )
    clients.accounts.deleted_accounts.begin_purge("eastus", group, name).result()
    assert name not in [found.name for found in clients.accounts.deleted_accounts.list()]
    clients.accounts.accounts.begin_create(group, name, account(name)).result()


def test_a_restored_account_has_its_deployments_and_keys(clients: Clients, made: tuple[str, str]) -> None:
    group, name = made
    clients.accounts.deployments.begin_create_or_update(group, name, "chat", deployment()).result()
    before = clients.accounts.accounts.list_keys(group, name)
    clients.accounts.accounts.begin_delete(group, name).result()
    restore = account(name, properties={"customSubDomainName": name, "restore": True})
    clients.accounts.accounts.begin_create(group, name, restore).result()
    assert [found.name for found in clients.accounts.deployments.list(group, name)] == ["chat"]
    assert clients.accounts.accounts.list_keys(group, name).key1 == before.key1


def test_a_subdomain_belongs_to_one_account(clients: Clients, made: tuple[str, str]) -> None:
    group, name = made
    with refused() as said:
        clients.accounts.accounts.begin_create(group, unique("openai"), account(name))
    assert (said.status, said.code) == (409, "CustomDomainInUse")


def test_an_account_does_not_move(clients: Clients, made: tuple[str, str]) -> None:
    with refused() as said:
        clients.accounts.accounts.begin_create(*made, account(made[1], location="westus"))
    assert (said.status, said.code) == (409, "InvalidResourceLocation")
