"""The gateway that receives the traffic: its URL, key and deployment, on either cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from tripcurve.errors import BadInput
from tripcurve.urls import has_credentials, without_credentials

__all__ = ["KEY", "Target", "check_gateway_url", "check_target_name", "credentials_refused"]

KEY = "TRIPCURVE_API_KEY"
"""The environment variable with the subscription key of a gateway that is named by its URL."""


def credentials_refused(target: str) -> str:
    """Return why a target's URL with a user name or password is refused, without repeating them."""
    return (
        f"--target {without_credentials(target)!r} contains a user name or password, which the gateway does not use; "
        f"leave it out and give the subscription key in the variable {KEY}"
    )


def check_target_name(target: str, environ: Mapping[str, str]) -> None:
    """Check the value of `--target`: local, azure, or the URL of a gateway whose key is in the environment.

    Raises BadInput, which names what is wrong without repeating a password.
    """
    if target in ("local", "azure"):
        return
    check_gateway_url(target, "neither local, azure nor a URL")
    if not environ.get(KEY):
        raise BadInput(f"--target {target!r} needs the gateway's subscription key in the variable {KEY}")


def check_gateway_url(target: str, otherwise: str = "not a URL") -> None:
    """Check that `--target` is an http or https URL with a host and without credentials.

    Raises BadInput, which names what is wrong (`otherwise`: that it is no URL) without repeating a password.
    """
    try:
        parts = urlsplit(target)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        _, at, after = without_credentials(target).rpartition("@")
        shown = f"***@{after}" if at else after  # a password may hold what ends a host, or follow no scheme
        raise BadInput(f"--target {shown!r} is {otherwise} such as https://my-apim.azure-api.net")
    if has_credentials(target):
        raise BadInput(credentials_refused(target))


class Target(BaseModel):
    """A gateway ready for traffic. The key is a SecretStr: it prints as asterisks.

    Traffic needs only the first four fields. The others are None except on the local cloud, which prints this object as
    its JSON line, with the key in clear.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    gateway_url: str
    api_key: SecretStr
    deployment: str
    api_version: str
    kind: Literal["local", "azure", "url"] = "local"
    api_path: str = "openai"
    management_url: str | None = None
    admin_url: str | None = None
    ca_file: str | None = None
    subscription_id: str | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    events_file: str | None = None
    logs_file: str | None = None
    rules: dict[str, dict[str, Any] | None] | None = None
    """Each backend's breaker rule as read back from the service, with the lab's field names; None if not read."""

    @property
    def chat_path(self) -> str:
        """Return path and query of the chat-completions operation."""
        return f"/{self.api_path}/deployments/{self.deployment}/chat/completions?api-version={self.api_version}"
