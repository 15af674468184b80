"""The gateway that receives the traffic: its URL, key and deployment, on either cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from tripcurve.errors import BadInput
from tripcurve.urls import has_credentials, without_credentials

if TYPE_CHECKING:
    from httpx2 import Client
    from openai import OpenAI

__all__ = ["KEY", "RESPONSES_SINCE", "V1", "Target", "check_gateway_url", "check_target_name", "credentials_refused"]

KEY = "TRIPCURVE_API_KEY"
"""The environment variable with the subscription key of a gateway that is named by its URL."""

V1 = "v1"
"""The `api.version` of the v1 API."""
RESPONSES_SINCE = "2025-03-01"
"""Date of the first api-version with the Responses API [D-RESP]."""


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
    """The path before the operation's; empty: none."""
    headers: dict[str, str] = {}
    """Headers of every request, besides those of the traffic itself."""
    key_header: str = "api-key"
    """The header of the key; `authorization`: a bearer token."""
    gateway_version: str | None = None
    """The version of the gateway's program, such as 1.40.0; None if it is not known."""
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
    def is_v1(self) -> bool:
        """Whether the traffic uses the v1 API, whose bodies name the model and whose URLs have no api-version."""
        return self.api_version == V1

    @property
    def key_line(self) -> str:
        """Return the header line with the key in clear."""
        key = self.api_key.get_secret_value()
        bearer = self.key_header.lower() == "authorization"
        return f"Authorization: Bearer {key}" if bearer else f"{self.key_header}: {key}"

    @property
    def _root(self) -> str:
        return f"/{self.api_path}" if self.api_path else ""

    @property
    def chat_path(self) -> str:
        """Return path and query of the chat-completions operation."""
        if self.is_v1:
            return f"{self._root}/v1/chat/completions"
        return f"{self._root}/deployments/{self.deployment}/chat/completions?api-version={self.api_version}"

    @property
    def responses_path(self) -> str:
        """Return path and query of the responses operation: the v1 API's for versions that lack it [D-RESP]."""
        if self.is_v1 or self.api_version < RESPONSES_SINCE:
            return f"{self._root}/v1/responses"
        return f"{self._root}/responses?api-version={self.api_version}"

    def sdk_client(self, max_retries: int, timeout: float = 60.0, http_client: Client | None = None) -> OpenAI:
        """Return the `openai` package's client for this gateway: OpenAI for the v1 API, else AzureOpenAI.

        `timeout` is in seconds. `http_client` None: the package's own.
        """
        import openai  # takes half a second

        headers = dict(self.headers)
        if self.key_header != "api-key":
            name, _, value = self.key_line.partition(": ")
            headers[name] = value
        key, base = self.api_key.get_secret_value(), f"{self.gateway_url.rstrip('/')}{self._root}"
        if self.is_v1:
            return openai.OpenAI(
                base_url=f"{base}/v1",
                api_key=key,
                default_headers=headers,
                max_retries=max_retries,
                timeout=timeout,
                http_client=http_client,
            )
        return openai.AzureOpenAI(
            base_url=f"{base}/deployments/{self.deployment}",
            api_key=key,
            api_version=self.api_version,
            default_headers=headers,
            max_retries=max_retries,
            timeout=timeout,
            http_client=http_client,
        )

    def chat_body(
        self, messages: Sequence[Mapping[str, object]], max_tokens: int | None = None, stream: bool = False
    ) -> dict[str, object]:
        """Return the body of a chat completion. `max_tokens` None: no limit.

        The v1 API takes the deployment as `model`. There the limit is `max_completion_tokens`, because reasoning models
        refuse `max_tokens` [D-REASON], and a stream ends with its usage. Version 2024-02-01 knows neither.
        """
        limit = {} if max_tokens is None else {self.limit_name: max_tokens}
        body: dict[str, object] = {"messages": messages, **limit, **({"stream": True} if stream else {})}
        if not self.is_v1:
            return body
        if stream:
            body["stream_options"] = {"include_usage": True}
        return {**body, "model": self.deployment}

    @property
    def limit_name(self) -> str:
        """Return the name of a chat completion's token limit; see `chat_body`."""
        return "max_completion_tokens" if self.is_v1 else "max_tokens"
