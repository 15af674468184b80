"""Quotas of a region: use and limit, and what goes beyond is refused as on Azure."""

from __future__ import annotations

from typing import Any

import pytest

from provision.local.arm.quotas import MODEL_LIMIT
from tests.provision.local.arm.refusals import refused
from tests.provision.local.sdk import Clients, unique

REGION = "japaneast"
PLAN = {"location": REGION, "sku": {"name": "B1", "tier": "Basic", "capacity": 1}, "properties": {"reserved": True}}


def model_use(clients: Clients) -> dict[str, float]:
    return {usage.name.value: usage.current_value for usage in clients.accounts.usages.list(REGION)}


@pytest.fixture
def account(clients: Clients, group: str) -> tuple[str, str]:
    name = unique("quota")
    body = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": REGION, "properties": {"customSubDomainName": name}}
    clients.accounts.accounts.begin_create(group, name, body).result()
    return group, name


def deploy(clients: Clients, account: tuple[str, str], name: str, capacity: int) -> None:
    model = {"format": "OpenAI", "name": "gpt-4o", "version": "2024-08-06"}
    body: Any = {"sku": {"name": "Standard", "capacity": capacity}, "properties": {"model": model}}
    clients.accounts.deployments.begin_create_or_update(*account, name, body).result()


def test_capacity_is_counted_up_to_the_limit_and_given_back(clients: Clients, account: tuple[str, str]) -> None:
    deploy(clients, account, "a", MODEL_LIMIT - 1)
    deploy(clients, account, "b", 1)
    assert model_use(clients)["OpenAI.Standard.gpt-4o"] == MODEL_LIMIT
    with refused() as said:
        deploy(clients, account, "c", 1)
    assert (said.status, said.code) == (400, "InsufficientQuota")
    assert f"usage is {MODEL_LIMIT} and the quota limit is {MODEL_LIMIT}" in said.message
    deploy(clients, account, "a", 5)  # a change counts once
    assert model_use(clients)["OpenAI.Standard.gpt-4o"] == 6
    clients.accounts.accounts.begin_delete(*account).result()
    assert model_use(clients)["OpenAI.Standard.gpt-4o"] == 0


def test_app_service_refuses_a_plan_beyond_its_limit_as_401(
    clients: Clients, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provision.local.arm.quotas.PLAN_LIMIT", 1)  # the cloud runs in this process
    plans = clients.web.app_service_plans
    plans.begin_create_or_update(group, "first", PLAN).result()
    plans.begin_create_or_update(group, "first", PLAN).result()
    (usage,) = clients.web.get_usages_in_location.list(REGION)
    assert (usage.name.value, usage.current_value, usage.limit) == ("Basic VMs", 1, 1)
    with refused() as said:
        plans.begin_create_or_update(group, "second", PLAN).result()
    assert said.status == 401
    assert "Current Limit (Basic VMs): 1 Current Usage: 1" in said.message
