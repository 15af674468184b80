"""The gateway that gets the traffic: its URL, key and deployment, on either cloud."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

__all__ = ["Target"]


class Target(BaseModel):
    """A gateway ready for traffic. The key is a SecretStr: it prints as asterisks.

    The first four fields are all that traffic needs. The others are there on the local cloud
    only (None elsewhere): it prints this object, with the key in clear, as its one JSON line.
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
        """Path and query of the chat-completions operation."""
        return f"/{self.api_path}/deployments/{self.deployment}/chat/completions?api-version={self.api_version}"
