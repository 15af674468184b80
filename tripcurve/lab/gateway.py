"""The lab's `gateway:` block: an API Management service, or a gateway of another kind."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from tripcurve.lab.answers import Answers, HeaderName
from tripcurve.lab.part import Part

__all__ = ["DEFAULT_KIND", "KINDS", "MOST_UNITS", "Gateway", "Kind", "Publisher"]

MOST_UNITS = 16

Kind = Literal["apim", "envoy", "litellm", "portkey", "generic"]
DEFAULT_KIND: Kind = "apim"
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of gateways. `tripcurve.gateways` has a profile for each."""

# The pattern is ARM's for a service name.
GatewayName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?$",
        description="Service name: 1-50 letters, digits and hyphens; a letter first, no hyphen last",
    ),
]
HeaderValue = Annotated[
    str,
    Field(
        pattern=r"^[\x21-\x7e](?:[\x20-\x7e]{0,1998}[\x21-\x7e])?$",
        description="Header value: 1-2000 printable ASCII characters; no space first or last",
    ),
]
Sku = Literal["Consumption", "Developer", "Basic", "Standard", "Premium", "BasicV2", "StandardV2", "PremiumV2"]
USER_IDENTITY = (
    r"/subscriptions/[^/]+/[rR]esource[gG]roups/[^/]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/]+"
)
_SENT_ANYWAY = frozenset(
    {"host", "content-length", "content-type", "accept", "user-agent", "connection", "x-simulation"}
)
_KEYS = frozenset({"authorization", "api-key", "x-api-key", "x-portkey-api-key", "ocp-apim-subscription-key", "cookie"})


class Publisher(Part):
    """The publisher that API Management requires."""

    name: str = Field("Contoso", min_length=1, max_length=100)
    email: str = Field(
        "noreply@contoso.com", pattern=r"^[^@\s]+@[^@\s]+$", max_length=100, description="E-mail address: name@domain"
    )


class Gateway(Part):
    """The gateway: an API Management service, or another gateway of the named kind."""

    name: GatewayName
    kind: Kind = Field(DEFAULT_KIND, description="apim: API Management; generic: a gateway that `answers` describes")
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict, max_length=20, description="Headers of every request, for a gateway that needs some"
    )
    answers: Answers | None = Field(None, description="Kind generic only: how the gateway's answers are recognised")
    sku: Sku = Field("BasicV2", description="Tier; Consumption has no backend circuit breaker")
    units: Annotated[int, Field(ge=1, le=MOST_UNITS)] | Literal["unknown"] = Field(
        1,
        description="Scale units; they do not share breaker state. unknown: reports infer how many breakers there are",
    )
    api_version: str = Field(
        "2025-09-01-preview",
        pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$",
        description="ARM's api-version for backends, pools and PremiumV2: a date, such as 2025-09-01, or a preview",
    )
    identity: str = Field(
        "system",
        pattern=rf"^(system|{USER_IDENTITY})$",
        description="Managed identity that calls the accounts: system, or the ARM id of a user-assigned one",
    )
    publisher: Publisher = Publisher()

    @field_validator("headers")
    @classmethod
    def _without_keys(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if name.lower() in _KEYS:
                raise ValueError(
                    f"{name} is a secret, and the lab is copied into every run directory; remove it and give the key "
                    "in the variable TRIPCURVE_API_KEY"
                )
            if name.lower() in _SENT_ANYWAY:
                raise ValueError(f"{name} is set by the traffic itself; remove it")
        return headers

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if self.kind == "generic" and self.answers is None:
            raise ValueError("kind generic needs `answers`, such as answers: {shed: {statuses: [503]}}")
        if self.kind != "generic" and self.answers is not None:
            raise ValueError(f"`answers` is for kind generic; how answers of kind {self.kind} look is known")
        return self
