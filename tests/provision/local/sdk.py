"""The Azure SDK's own clients, pointed at a local cloud by base URL, scope and credential alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from azure.identity import ClientSecretCredential
from azure.mgmt.apimanagement import ApiManagementClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.web import WebSiteManagementClient

_numbers = count(1)


@dataclass
class Clients:
    groups: Any
    apim: Any
    accounts: Any
    roles: Any
    web: Any


def unique(prefix: str) -> str:
    """A name no other test has."""
    return f"{prefix}-{next(_numbers)}"


@contextmanager
def clients_of(connection: dict[str, Any], **client: str) -> Iterator[Clients]:
    """Clients for a connection; `client` overrides its client_id and client_secret."""
    as_client = connection | client
    url, ca_file = connection["management_url"], connection["ca_file"]
    with ExitStack() as stack:
        credential = stack.enter_context(
            ClientSecretCredential(
                connection["tenant_id"],
                as_client["client_id"],
                as_client["client_secret"],
                authority=url,
                disable_instance_discovery=True,
                connection_verify=ca_file,
            )
        )
        common = {
            "base_url": url,
            "credential_scopes": [f"{url}/.default"],
            "connection_verify": ca_file,
            "retry_total": 0,
        }
        subscription = connection["subscription_id"]

        def made(kind: type) -> Any:
            return stack.enter_context(kind(credential, subscription, **common))

        yield Clients(
            groups=made(ResourceManagementClient),
            apim=made(ApiManagementClient),
            accounts=made(CognitiveServicesManagementClient),
            roles=made(AuthorizationManagementClient),
            web=made(WebSiteManagementClient),
        )
