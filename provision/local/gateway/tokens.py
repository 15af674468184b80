"""Access tokens of the service's managed identity, fetched from the local cloud and kept until shortly before they
expire.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import orjson

from provision.local.apim.services import PolicyFault
from provision.local.gateway.config import Identity
from provision.local.wire.calls import Endpoint, UpstreamCall, UpstreamFailure
from provision.local.wire.client import Client
from provision.local.wire.messages import head_bytes

__all__ = ["Tokens"]

_EARLY_S = 300.0
_TIMEOUT_S = 10.0
_SOURCE = "authentication-managed-identity"


class Tokens:
    """Fetches each token once, however many requests wait for it. `wall` returns Unix seconds, because expiry is a
    date.
    """

    def __init__(self, client: Client, wall: Callable[[], float] = time.time) -> None:
        self._identity: Identity | None = None
        self._client, self._wall = client, wall
        self._kept: dict[tuple[str, str | None], tuple[str, float]] = {}
        self._fetching: dict[tuple[str, str | None], asyncio.Task[str]] = {}
        self._endpoint: Endpoint | None = None

    def configure(self, identity: Identity | None) -> None:
        """Use this identity from now on. The tokens of any other identity are forgotten."""
        if identity != self._identity:
            self._identity, self._endpoint = identity, None
            self._kept.clear()
            self._fetching.clear()

    async def get(self, resource: str, client_id: str | None) -> str:
        """Return a bearer token for a resource. Raises PolicyFault if there is no identity or no token."""
        key = (resource, client_id)
        kept = self._kept.get(key)
        if kept is not None and kept[1] - _EARLY_S > self._wall():
            return kept[0]
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = asyncio.get_running_loop().create_task(self._fetch(key))
            task.add_done_callback(lambda done: self._fetched(key, done))
        try:
            return await asyncio.shield(task)  # a client that leaves must not make the others fail
        finally:
            del task  # a failed task and a frame that refers to it are a reference cycle

    def _fetched(self, key: tuple[str, str | None], task: asyncio.Task[str]) -> None:
        if self._fetching.get(key) is task:
            del self._fetching[key]
        if not task.cancelled():
            task.exception()  # those who wait get the exception; that all of them may have left is no error

    async def _fetch(self, key: tuple[str, str | None]) -> str:
        identity = self._identity
        if identity is None:
            raise _fault("The API Management service has no managed identity.")
        resource, client_id = key
        parts = urlsplit(identity.endpoint)
        query = f"resource={quote(resource, safe='')}&api-version=2019-08-01"
        if client_id is not None:
            query += f"&client_id={quote(client_id, safe='')}"
        headers = [("host", parts.netloc), ("x-identity-header", identity.secret), ("metadata", "true")]
        call = UpstreamCall(
            self._resolve(identity),
            head_bytes(f"GET {parts.path}?{query} HTTP/1.1", headers),
            "GET",
            timeout_s=_TIMEOUT_S,
        )
        try:
            response = await self._client.request(call)
            body = (
                response.body if isinstance(response.body, bytes) else b"".join([part async for part in response.body])
            )
        except UpstreamFailure as failure:
            raise _fault(f"The token endpoint gave no answer: {failure.message}") from failure
        return self._keep(key, response.status, body, identity)

    def _keep(self, key: tuple[str, str | None], status: int, body: bytes, identity: Identity) -> str:
        try:
            content = orjson.loads(body)
            token, expires = str(content["access_token"]), float(content["expires_on"])
        except (ValueError, KeyError, TypeError):
            raise _fault(f"The token endpoint gave no token for {key[0]} (status {status}).") from None
        if identity == self._identity:
            self._kept[key] = (token, expires)
        return token

    def _resolve(self, identity: Identity) -> Endpoint:
        if self._endpoint is None:
            parts = urlsplit(identity.endpoint)
            host = parts.hostname or "127.0.0.1"
            tls = ssl.create_default_context(cafile=identity.ca_file) if parts.scheme == "https" else None
            self._endpoint = Endpoint(host, parts.port or (443 if tls is not None else 80), tls, host)
        return self._endpoint


def _fault(message: str) -> PolicyFault:
    return PolicyFault(_SOURCE, "TokenAcquisitionFailure", message)
