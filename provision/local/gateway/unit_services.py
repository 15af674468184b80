"""The services that a gateway unit offers to its policies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

from provision.local.apim.context import Body, Headers, PolicyContext, Request, Response
from provision.local.apim.policies.state import Counters, ValueCache
from provision.local.apim.services import ForwardOptions, PolicyFault
from provision.local.gateway.forward import Forwarder
from provision.local.gateway.heads import request_head
from provision.local.gateway.tokens import Tokens
from provision.local.gateway.visit import HOP_BY_HOP
from provision.local.wire.calls import UpstreamCall, UpstreamFailure
from provision.local.wire.client import Client
from provision.local.wire.limits import Limits
from tripcurve.lab.local_options import LocalOptions

__all__ = ["UnitServices"]

_SOURCE = "send-request"


class UnitServices:
    """Implements `services.Services`. `record_telemetry` gets the data that telemetry policies would send to Azure."""

    def __init__(
        self,
        forwarder: Forwarder,
        client: Client,
        tokens: Tokens,
        clock: Callable[[], float],
        record_telemetry: Callable[[str, dict[str, object]], None],
        limits: Limits,
    ) -> None:
        self._forwarder, self._client, self._tokens = forwarder, client, tokens
        self._record, self._limits = record_telemetry, limits
        self.now = clock
        self.options = LocalOptions()
        self.sku = ""
        self.random = Random(0)  # noqa: S311  # spreads retries; no secret hangs on it
        self.cache = ValueCache()
        self.counters = Counters()

    def configure(self, options: LocalOptions, sku: str, unit: int) -> None:
        """Use a new configuration. The state of policies is kept."""
        if options.seed != self.options.seed:
            self.random.seed(options.seed * 1000 + unit)
        self.options, self.sku = options, sku

    def utcnow(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def token(self, resource: str, client_id: str | None) -> str:
        return await self._tokens.get(resource, client_id)

    async def forward(self, context: PolicyContext, options: ForwardOptions) -> None:
        await self._forwarder.forward(context, options)

    async def send(self, request: Request, timeout_s: float) -> Response:
        """Call any URL that this unit may contact and read the response's body. Raises PolicyFault."""
        body = await request.body.buffer(self._limits.buffered_bytes)
        head, chunked = request_head(request, request.url, body)
        try:
            endpoint = self._forwarder.endpoints.resolve(request.url)
            async with asyncio.timeout(timeout_s):
                answer = await self._whole(UpstreamCall(endpoint, head, request.method, body, chunked, timeout_s))
        except UpstreamFailure as failure:
            raise PolicyFault(_SOURCE, failure.reason, failure.message) from failure
        except TimeoutError:
            raise PolicyFault(_SOURCE, "Timeout", "The request was not answered in time.") from None
        return answer

    async def _whole(self, call: UpstreamCall) -> Response:
        response = await self._client.request(call)
        body = Body(response.body) if isinstance(response.body, bytes) else Body(None, response.body)
        try:
            await body.buffer(self._limits.buffered_bytes)
        except ValueError as error:
            raise UpstreamFailure("BackendConnectionFailure", str(error)) from error
        headers = Headers([header for header in response.headers if header[0] not in HOP_BY_HOP])
        return Response(response.status, response.reason, headers, body)

    def record(self, kind: str, data: dict[str, object]) -> None:
        self._record(kind, data)
