"""The SDK's asynchronous clients work as well."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from azure.identity.aio import ClientSecretCredential
from azure.mgmt.apimanagement.aio import ApiManagementClient
from azure.mgmt.cognitiveservices.aio import CognitiveServicesManagementClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient

from tests.provision.local.arm.test_cognitive import account, deployment
from tests.provision.local.running import Running
from tests.provision.local.samples import SERVICE
from tests.provision.local.sdk import unique


async def test_the_asynchronous_clients_create_and_delete_a_lab(running: Running) -> None:
    connection, group, name = running.connection, unique("group"), unique("thing")
    async with AsyncExitStack() as stack:
        credential = await stack.enter_async_context(
            ClientSecretCredential(
                connection["tenant_id"],
                connection["client_id"],
                connection["client_secret"],
                authority=running.url,
                disable_instance_discovery=True,
                connection_verify=connection["ca_file"],
            )
        )

        async def made(kind: type) -> Any:
            return await stack.enter_async_context(
                kind(
                    credential,
                    connection["subscription_id"],
                    base_url=running.url,
                    credential_scopes=[f"{running.url}/.default"],
                    connection_verify=connection["ca_file"],
                )
            )

        groups = await made(ResourceManagementClient)
        apim = await made(ApiManagementClient)
        accounts = await made(CognitiveServicesManagementClient)
        await groups.resource_groups.create_or_update(group, {"location": "eastus"})
        poller = await apim.api_management_service.begin_create_or_update(group, name, SERVICE)
        assert (await poller.result()).provisioning_state == "Succeeded"
        poller = await accounts.accounts.begin_create(group, name, account(name))
        await poller.result()
        poller = await accounts.deployments.begin_create_or_update(group, name, "chat", deployment())
        assert (await poller.result()).name == "chat"
        backend = {"properties": {"url": "https://a.openai.azure.com", "protocol": "http"}}
        await apim.backend.create_or_update(group, name, "b", backend)
        assert [found.name async for found in apim.backend.list_by_service(group, name)] == ["b"]
        await (await groups.resource_groups.begin_delete(group)).result()
        assert not await groups.resource_groups.check_existence(group)
