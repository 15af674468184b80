"""The lab: a gateway, its backends and their breaker rules, as one checked YAML file."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from tripcurve.lab.gateway import MOST_UNITS, Gateway
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.part import Part
from tripcurve.lab.rule import BreakerRule
from tripcurve.suggestions import known_names
from tripcurve.urls import without_credentials

__all__ = [
    "LABS",
    "POLICIES",
    "Api",
    "Backend",
    "Existing",
    "Lab",
    "Latency",
    "Limits",
    "Model",
    "Pool",
]

LABS = "provision/labs"
POLICIES = "provision/policies"
NEWER_FIELDS_SINCE = "2025-03-01"
"""Date of ARM's first api-version with `failureResponse` and `sessionAffinity` [SPEC26]."""

# A backend's name becomes a host label (`<name>.azurewebsites.net`) and an ARM id, so it obeys both.
BackendName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?$",
        description="Backend name: 1-60 letters, digits and hyphens; no hyphen first or last",
    ),
]
NamedValueName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_.-]{1,256}$", description="Named value: 1-256 letters, digits and . _ -"),
]
NamedValueText = Annotated[str, Field(min_length=1, max_length=4096)]


_CREDENTIALS_REFUSED = "contains a user name or password; remove it, because the lab is copied into every run directory"


class Api(Part):
    """The Azure OpenAI API as the gateway publishes it."""

    id: str = Field(
        "openai", pattern=r"^[^*#&+:<>?]{1,80}$", description="API id: 1-80 characters, none of * # & + : < > ?"
    )
    path: str = Field(
        "openai",
        pattern=r"^(?:[A-Za-z0-9][A-Za-z0-9._/-]{0,399})?$",
        description="URL path: 1-400 letters, digits and . _ / -; a letter or digit first",
    )
    version: str = Field(
        "2024-02-01",
        pattern=r"^(v1|\d{4}-\d{2}-\d{2}(-preview)?)$",
        description="Azure OpenAI api-version: v1, or a date such as 2024-02-01, with or without -preview",
    )
    policy: str = Field(
        "single-backend.xml", description="Policy XML: a built-in one, or a path relative to the lab file"
    )
    subscription: Literal["api", "master"] = Field(
        "api", description="Whose key the traffic uses. api: a subscription to this API; master: to the whole gateway"
    )
    named_values: dict[NamedValueName, NamedValueText] = Field(
        default_factory=dict, description="Values for {{name}} in the policy"
    )

    @field_validator("named_values")
    @classmethod
    def _without_credentials(cls, values: dict[str, str]) -> dict[str, str]:
        for name, value in values.items():
            if value != without_credentials(value):
                raise ValueError(f"{name}: {without_credentials(value)} {_CREDENTIALS_REFUSED}")
        return values


class Model(Part):
    """The model deployment of each Azure OpenAI account."""

    deployment: str = Field(
        "gpt-5.1",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Deployment name: 1-64 letters, digits and . _ -; a letter or digit first",
    )
    name: str = "gpt-5.1"
    version: str = "2025-11-13"
    sku: str = Field(
        "GlobalStandard", pattern=r"^[A-Za-z]+$", description="Deployment type: letters, such as GlobalStandard"
    )
    capacity: int = Field(30, ge=1, le=1_000_000, description="Thousands of tokens per minute; or PTUs")


class Limits(Part):
    """A mock's own quota. None means no limit."""

    rpm: int | None = Field(None, ge=1, description="Requests per minute")
    tpm: int | None = Field(None, ge=1, description="Tokens per minute, estimated as Azure OpenAI does")


class Latency(Part):
    """A mock's answer time: log-normal with this median and p95, plus a time per completion token."""

    median_ms: float = Field(0, ge=0, le=600_000)
    p95_ms: float = Field(0, ge=0, le=600_000)
    per_token_ms: float = Field(0, ge=0, le=60_000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.p95_ms < self.median_ms:
            raise ValueError(f"p95_ms ({self.p95_ms:g}) must be at least median_ms ({self.median_ms:g})")
        return self


def _check_base_url(url: str) -> None:
    """Raise ValueError unless this is an http or https URL with a host, and without credentials or a query."""
    if url != without_credentials(url):
        raise ValueError(f"url: {without_credentials(url)} {_CREDENTIALS_REFUSED}")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and not parts.query and parts.port != 0
    except ValueError:  # unmatched brackets, or a port that is not a number up to 65535
        usable = False
    if not usable:
        raise ValueError("kind existing needs `url`, such as https://my-account.openai.azure.com/openai")


class Backend(Part):
    """One backend of the gateway and the service behind it."""

    name: BackendName
    kind: Literal["mock", "openai", "existing"] = Field(
        "mock", description="mock: simulated by Tripcurve; openai: an account this lab creates; existing: at `url`"
    )
    location: str | None = Field(None, description="Region; default: the lab's location")
    url: str | None = Field(None, max_length=2000, description="Base URL, for kind existing only")
    priority: int | None = Field(None, ge=0, le=100, description="Lower is used first")
    weight: int | None = Field(None, ge=0, le=100)
    breaker: BreakerRule | None = None
    limits: Limits | None = Field(None, description="Mock only: its own quota")
    latency: Latency | None = Field(None, description="Mock only: its answer time")

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if self.kind == "existing":
            _check_base_url(self.url or "")
        elif self.url is not None:
            raise ValueError(f"`url` is for kind existing; a backend of kind {self.kind} gets its own address")
        if self.kind == "openai" and len(self.name) == 1:
            raise ValueError(f"name: {self.name!r} is too short; the name of an account has at least 2 characters")
        if self.kind != "mock":
            for name in ("limits", "latency"):
                if getattr(self, name) is not None:
                    raise ValueError(f"`{name}` is for kind mock; a {self.kind} backend has its own")
        return self

    @property
    def host(self) -> str:
        """Return the host name of the backend in lower case, which is its key in a simulation."""
        if self.kind == "existing":
            return (urlsplit(self.url or "").hostname or "").lower()
        domain = "azurewebsites.net" if self.kind == "mock" else "openai.azure.com"
        return f"{self.name}.{domain}".lower()

    @property
    def base_url(self) -> str:
        """Return the base URL that the gateway puts before the operation's path."""
        return (self.url or "").rstrip("/") if self.kind == "existing" else f"https://{self.host}/openai"


class Pool(Part):
    """The load-balanced pool of two or more backends."""

    name: BackendName = "openai-pool"
    failure_response: int | None = Field(
        None, ge=100, le=599, description="Status of the pool's answer when every member is open; null: 503"
    )
    session_affinity: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,80}$",
        description="Name of the cookie that keeps a client on one member: letters, digits and _ -; null: no affinity",
    )


class Existing(Part):
    """Resources that exist already. They are used, and never changed or deleted."""

    resource_group: bool = False
    gateway: bool = False
    accounts: list[str] = Field(default_factory=list, description="Backends of kind openai whose account exists")


class Lab(Part):
    """A lab. Instances are immutable, every field is checked, and unknown keys are errors."""

    name: str = Field(
        ...,
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?$",
        description="Lab name: 1-40 letters, digits and hyphens; no hyphen first or last",
    )
    description: str = ""
    subscription_id: str | None = Field(
        None, description="Azure subscription id; by default from --subscription or AZURE_SUBSCRIPTION_ID"
    )
    resource_group: str = Field(
        "lab-ai-gateway",
        pattern=r"^[-\w._()]{0,89}[-\w_()]$",
        description="Resource group: 1-90 letters, digits and - _ . ( ); no full stop last",
    )
    location: str = Field(
        "eastus", pattern=r"^[a-z0-9]+$", description="Region: lower-case letters and digits, such as swedencentral"
    )
    gateway: Gateway
    api: Api = Api()
    model: Model = Model()
    backends: tuple[Backend, ...] = Field(..., min_length=1, max_length=30)  # a pool takes at most 30 [D-BE]
    pool: Pool = Pool()
    existing: Existing = Existing()
    events: bool = Field(
        False, description="Whether `up` makes a storage queue that receives the breaker's events from Event Grid"
    )
    local: LocalOptions = LocalOptions()

    @field_validator("backends")
    @classmethod
    def _unique(cls, backends: tuple[Backend, ...]) -> tuple[Backend, ...]:
        for what in ("name", "host"):
            values = [getattr(backend, what).lower() for backend in backends]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"two backends share the {what} {twice[0]!r}; each needs its own")
        return backends

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.api.path and self.gateway.kind == "apim":
            raise ValueError("api.path: API Management needs a path, such as openai")
        if self.gateway.sku == "Consumption" and any(backend.breaker for backend in self.backends):
            raise ValueError(
                "gateway.sku: Consumption has no backend circuit breaker, so backends[].breaker can never trip; "
                "use BasicV2 or another tier, or remove the breaker"
            )
        names = [backend.name for backend in self.backends]
        if self.has_pool and self.pool.name in names:
            raise ValueError(f"pool.name: {self.pool.name!r} is already a backend's name")
        if self.pool.session_affinity is not None and not self.has_pool:
            raise ValueError("pool.session_affinity: one backend makes no pool; add another, or remove this key")
        unknown = [name for name in self.existing.accounts if name not in names]
        if unknown:
            others = known_names(unknown[0], names, "backends")
            raise ValueError(f"existing.accounts: {unknown[0]!r} is not a backend of this lab{others}")
        return self

    @model_validator(mode="after")
    def _version_has_the_fields(self) -> Self:
        version = self.gateway.api_version
        responses = [backend.breaker.failure_response for backend in self.backends if backend.breaker is not None]
        stated: dict[str, list[int | str | None]] = {
            "failure_response": [self.pool.failure_response, *responses],
            "session_affinity": [self.pool.session_affinity],
        }
        for name, values in stated.items():
            if version < NEWER_FIELDS_SINCE and any(value is not None for value in values):
                raise ValueError(
                    f"gateway.api_version: {version} has no {name}; use 2025-09-01-preview, or remove {name}"
                )
        return self

    @property
    def has_pool(self) -> bool:
        """Return whether the lab has a pool, which two backends or more make."""
        return len(self.backends) > 1

    @property
    def backend_id(self) -> str:
        """Return the name of the backend that the policy sends to: the pool, or the only backend."""
        return self.pool.name if self.has_pool else self.backends[0].name

    @property
    def units(self) -> int:
        """Return the number of gateway units that the local cloud and the simulator run; 1 if it is unknown."""
        if self.local.unit_count_override is not None:
            return self.local.unit_count_override
        return 1 if self.stated_units is None else self.stated_units

    @property
    def stated_units(self) -> int | None:
        """Return the number of gateway units that the lab states, or None for `unknown`.

        It is not changed by `local.unit_count_override`: reports know no more about the local cloud than about Azure.
        """
        return None if isinstance(self.gateway.units, str) else self.gateway.units

    @property
    def most_units(self) -> int:
        """Return the number of gateway units that the lab states, or the most that are possible if it is unknown."""
        return MOST_UNITS if self.stated_units is None else self.stated_units
