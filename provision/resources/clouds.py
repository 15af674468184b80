"""The two clouds on which a lab can be built. They differ only in endpoint and credential."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tripcurve.errors import BadInput, TargetUnavailable

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["Cloud", "azure", "local"]

AZURE = "https://management.azure.com"
SUBSCRIPTION_VARIABLES = ("TRIPCURVE_AZURE_SUBSCRIPTION", "AZURE_SUBSCRIPTION_ID")
LOCAL_FIELDS = ("management_url", "ca_file", "subscription_id", "tenant_id", "client_id", "client_secret")
MOCK_IMAGE_VARIABLE = "TRIPCURVE_MOCK_IMAGE"


@dataclass(frozen=True)
class Cloud:
    """A cloud: an ARM endpoint, a subscription, and a function that makes a credential.

    `ca_file` is None if one of the system's certificate authorities signed the endpoint's certificate. `mock_image` is
    the container image of a mock web app; None on the local cloud, which has its own mock. `connection` has the fields
    of the local cloud's JSON line that a Target repeats; it is empty on Azure.
    """

    kind: Literal["azure", "local"]
    management_url: str
    subscription_id: str
    tenant_id: str | None
    credential: Callable[[], TokenCredential] = field(repr=False)
    ca_file: str | None = None
    mock_image: str | None = None
    connection: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def scope(self) -> str:
        """Return the scope to request an access token for ARM with."""
        return f"{self.management_url}/.default"

    @property
    def poll_s(self) -> float:
        """Return the seconds between two polls of a long operation if the service names no interval."""
        return 30.0 if self.kind == "azure" else 0.1

    @property
    def backoff_factor(self) -> float:
        """Return the seconds before the SDK's first retry, doubled for each further one; the SDK's default is 0.8."""
        return 0.8 if self.kind == "azure" else 0.1

    @property
    def outage_s(self) -> float:
        """Return the seconds without a connection after which a long operation is given up."""
        return 900.0 if self.kind == "azure" else 5.0

    def explain(self) -> str:
        """Return a short description of the cloud for messages."""
        where = "Azure" if self.kind == "azure" else f"local cloud at {self.management_url}"
        return f"{where}, subscription {self.subscription_id}"


def azure(subscription_id: str | None = None, *, environ: Mapping[str, str] = os.environ) -> Cloud:
    """Return Azure with the credential that DefaultAzureCredential finds: environment, managed identity, `az login`.

    `subscription_id` None means that of the environment. Raises BadInput if that has none either.
    """
    found = subscription_id or next((environ[name] for name in SUBSCRIPTION_VARIABLES if environ.get(name)), None)
    if found is None:
        raise BadInput(
            "no Azure subscription is named; write subscription_id in the lab, or set AZURE_SUBSCRIPTION_ID "
            "(`az account show --query id` prints yours)"
        )
    return Cloud(
        kind="azure",
        management_url=AZURE,
        subscription_id=found,
        tenant_id=environ.get("AZURE_TENANT_ID"),
        credential=_default_credential,
        mock_image=environ.get(MOCK_IMAGE_VARIABLE),
    )


def local(connection: Mapping[str, Any]) -> Cloud:
    """Return the local cloud that printed this connection as its JSON line.

    Raises BadInput naming the fields that are missing, and TargetUnavailable if that cloud no longer answers.
    """
    missing = [name for name in LOCAL_FIELDS if not connection.get(name)]
    if missing:
        raise BadInput(f"this is not the JSON line that `tripcurve local` prints: it has no {', '.join(missing)}")
    url = str(connection["management_url"]).rstrip("/")
    ca_file = str(connection["ca_file"])
    if not Path(ca_file).is_file():
        raise TargetUnavailable(f"the local cloud at {url} is gone; start `tripcurve local` and use the line it prints")

    def credential() -> TokenCredential:
        return _service_principal(connection, authority=url, ca_file=ca_file)

    return Cloud(
        kind="local",
        management_url=url,
        subscription_id=str(connection["subscription_id"]),
        tenant_id=str(connection["tenant_id"]),
        credential=credential,
        ca_file=ca_file,
        connection=dict(connection),
    )


def _default_credential() -> TokenCredential:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _service_principal(connection: Mapping[str, Any], *, authority: str, ca_file: str) -> TokenCredential:
    from azure.identity import ClientSecretCredential

    return ClientSecretCredential(
        str(connection["tenant_id"]),
        str(connection["client_id"]),
        str(connection["client_secret"]),
        authority=authority,
        disable_instance_discovery=True,  # the public directory does not know a loopback authority
        connection_verify=ca_file,
        retry_backoff_factor=0.1,
    )
