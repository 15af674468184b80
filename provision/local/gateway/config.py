"""The configuration of a gateway unit: a complete JSON document for every change."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tripcurve.lab.local_options import LocalOptions

__all__ = [
    "ApiConfig",
    "BackendConfig",
    "Identity",
    "OperationConfig",
    "PolicyText",
    "ProductConfig",
    "ServiceConfig",
    "SignIn",
    "Snapshot",
    "SubscriptionConfig",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PolicyText(_Part):
    """A policy document or fragment as it was stored. `format` is xml or rawxml."""

    format: str = "xml"
    value: str


class Identity(_Part):
    """The managed identity of the service, and the address that issues its tokens."""

    principal_id: str
    endpoint: str
    secret: str = Field(repr=False)
    ca_file: str | None = None


class SignIn(_Part):
    """The local tenant, which answers for Entra's hosts.

    `endpoint` is its URL. `ca_file` None means the system's certificate authorities.
    """

    endpoint: str
    ca_file: str | None = None


class ServiceConfig(_Part):
    """The API Management service that this unit belongs to. `port` 0 means any free port."""

    name: str
    resource_id: str
    location: str = "local"
    sku: str = ""
    unit: int = 0
    port: int = 0
    identity: Identity | None = None


class OperationConfig(_Part):
    id: str
    name: str = ""
    method: str
    url_template: str
    policy: PolicyText | None = None


class ApiConfig(_Part):
    """An API. `path` is its prefix below the gateway's URL, without a slash at either end."""

    id: str
    name: str = ""
    path: str = ""
    service_url: str | None = None
    version: str | None = None
    revision: str = "1"
    subscription_required: bool = True
    key_header: str = "Ocp-Apim-Subscription-Key"
    key_query: str = "subscription-key"
    key_bearer: bool = False
    """Whether the key may also be a bearer token, as the plain OpenAI client sends it [AIG]."""
    policy: PolicyText | None = None
    operations: tuple[OperationConfig, ...] = ()


class ProductConfig(_Part):
    id: str
    name: str = ""
    subscription_required: bool = True
    state: str = "published"
    apis: tuple[str, ...] = ()
    policy: PolicyText | None = None


class SubscriptionConfig(_Part):
    """A subscription and its keys. `scope` is an ARM id or the end of one: all APIs, one API or one product."""

    id: str
    name: str = ""
    primary_key: str = Field(repr=False)
    secondary_key: str = Field("", repr=False)
    state: str = "active"
    scope: str = "/apis"


class BackendConfig(_Part):
    """A backend entity. `properties` are ARM's, unchanged."""

    name: str
    properties: dict[str, Any]


class Snapshot(_Part):
    """All that one unit needs to know. Files are opened for appending."""

    service: ServiceConfig
    mock_port: int | None = None
    allow_external: bool = False
    sign_in: SignIn | None = None
    events_file: str | None = None
    logs_file: str | None = None
    options: LocalOptions = LocalOptions()
    policy: PolicyText | None = None
    named_values: dict[str, str] = Field(default_factory=dict, repr=False)
    fragments: dict[str, PolicyText] = Field(default_factory=dict)
    apis: tuple[ApiConfig, ...] = ()
    products: tuple[ProductConfig, ...] = ()
    subscriptions: tuple[SubscriptionConfig, ...] = ()
    backends: tuple[BackendConfig, ...] = ()
