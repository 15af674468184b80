"""The configuration that the control plane sends to the mock: accounts, web apps, role assignments and options."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tripcurve.field_errors import field_errors
from tripcurve.lab import Latency, Limits
from tripcurve.lab.local_options import LocalOptions

__all__ = ["Account", "Deployment", "RoleAssignment", "SettingsFault", "Site", "Snapshot"]

Model = TypeVar("Model", bound=BaseModel)
LIMITS_SETTING = "TRIPCURVE_MOCK_LIMITS"
LATENCY_SETTING = "TRIPCURVE_MOCK_LATENCY"
DEPLOYMENT_SETTING = "TRIPCURVE_MOCK_DEPLOYMENT"


class SettingsFault(ValueError):
    """A setting of a web app is wrong; the message names it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Deployment(_Part):
    """A model deployment. `capacity` is thousands of tokens per minute, or PTUs for a provisioned sku."""

    name: str
    model: str
    version: str | None = None
    sku: str = "Standard"
    capacity: int = 1

    @property
    def dated(self) -> str:
        """Return the model's name with its version, as answers have it."""
        return self.model if self.version is None else f"{self.model}-{self.version}"


class Account(_Part):
    """An Azure OpenAI account, served at `<name>.openai.azure.com` and `.cognitiveservices.azure.com`."""

    name: str
    resource_id: str
    location: str
    keys: tuple[str, ...] = Field((), repr=False)
    deployments: tuple[Deployment, ...] = ()


class Site(_Part):
    """A web app that runs the mock. Its settings hold its quota and latency, as JSON."""

    name: str
    location: str
    settings: dict[str, str] = Field(default_factory=dict, repr=False)

    def limits(self) -> Limits:
        """Return the quota in the settings. Raises SettingsFault if that setting is wrong."""
        return _setting(self.settings, LIMITS_SETTING, Limits)

    def latency(self) -> Latency:
        """Return the answer times in the settings. Raises SettingsFault if that setting is wrong."""
        return _setting(self.settings, LATENCY_SETTING, Latency)

    def deployment(self) -> Deployment | None:
        """Return the deployment in the settings, or None. Raises SettingsFault if that setting is wrong."""
        if not self.settings.get(DEPLOYMENT_SETTING, "").strip():
            return None
        return _setting(self.settings, DEPLOYMENT_SETTING, Deployment)


class RoleAssignment(_Part):
    """A role that a principal holds on `scope` and everything below it."""

    scope: str
    principal_id: str
    role_definition_id: str


class Snapshot(_Part):
    """The whole configuration. `token_key` is the tenant's public key in PEM; None: no token is valid."""

    port: int = 0
    options: LocalOptions = LocalOptions()
    accounts: tuple[Account, ...] = ()
    sites: tuple[Site, ...] = ()
    sole: bool = False
    """Whether the first web app answers to every host name, for gateways that send another than the lab's."""
    role_assignments: tuple[RoleAssignment, ...] = ()
    token_key: str | None = None


def _setting(settings: dict[str, str], name: str, model: type[Model]) -> Model:
    text = settings.get(name, "").strip()
    if not text:
        return model()
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise SettingsFault(f"application setting {name}: {field_errors(error, model)[0]}") from None
