"""The policy forward-request: choose a backend, ask its breaker, send the request, count and return the response."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

from provision.local.apim.context import Backend, Body, Headers, PolicyContext, Response, Url
from provision.local.apim.policies.answers import internal_error
from provision.local.apim.services import ForwardOptions, PolicyFault
from provision.local.gateway.affinity import bound_member, cookie_for
from provision.local.gateway.backends import BackendEntity, Backends
from provision.local.gateway.endpoints import Endpoints
from provision.local.gateway.heads import request_head, with_query
from provision.local.gateway.redirects import MOST, Hop, is_redirect, next_hop
from provision.local.gateway.shed import shed_response
from provision.local.gateway.tokens import Tokens
from provision.local.gateway.visit import HOP_BY_HOP, Attempt, Visit
from provision.local.wire.calls import ClientResponse, UpstreamCall, UpstreamFailure
from provision.local.wire.client import Client
from provision.local.wire.limits import Limits
from tripcurve.breaker import Outcome, Ticket
from tripcurve.breaker.retry_after import parse_retry_after
from tripcurve.lab.local_options import LocalOptions
from tripcurve.simulation_headers import HEADER, INSTANCE_HEADER

__all__ = ["Forwarder", "Target"]

_SOURCE = "forward-request"
_CONNECT_S = 30.0


@dataclass(slots=True)
class Target:
    """The destination of one attempt. `entity` None: a plain URL, without a breaker."""

    url: Url
    entity: BackendEntity | None = None
    ticket: Ticket | None = None
    chosen: BackendEntity | None = None
    """The backend that the policy named: the entity itself, or the pool that it is a member of."""


class Forwarder:
    """Forwards requests to the backends of one unit."""

    def __init__(
        self,
        backends: Backends,
        client: Client,
        tokens: Tokens,
        clock: Callable[[], float],
        limits: Limits,
    ) -> None:
        self._backends, self._client, self._tokens, self._clock = backends, client, tokens, clock
        self._limits = limits
        self.attempts = 0
        """The number of calls to backends so far."""
        self.endpoints = Endpoints(None, False)
        self.instance = "0"
        """The number of this unit, for the mock."""
        self.options = LocalOptions()

    async def forward(self, context: PolicyContext, options: ForwardOptions) -> None:
        """Make one attempt. Afterwards `context.response` is the backend's response.

        If the attempt fails, it is the response that on-error sees, and PolicyFault is raised.
        """
        visit = cast(Visit, context)
        if visit.open_body is not None:
            await visit.drop_body()
        target = self._choose(visit)
        self.attempts += 1
        started = self._clock()
        try:
            response = await self._send(visit, target, options)
        except UpstreamFailure as failure:
            self._count(target, Outcome(None, failure.reason))
            self._account(visit, target, failure, started)
            raise self._unanswered(visit, failure) from failure
        except PolicyFault:
            self._count(target, Outcome())  # nothing was sent: there is no token, or the body is too long to keep
            raise
        except BaseException as error:
            self._count(target, Outcome())  # the client left or sent a bad body, which says nothing about the backend
            self._account(visit, target, UpstreamFailure("ClientConnectionFailure", str(error)), started)
            raise
        self._account(visit, target, response, started)
        await self._accept(visit, target, response, options)

    # choosing

    def _choose(self, visit: Visit) -> Target:
        if visit.backend is None:
            if visit.base_url is None and visit.api.service_url is None:
                raise self._unanswered(visit, UpstreamFailure("BackendConnectionFailure", "The API has no backend."))
            return Target(visit.request.url)
        chosen = self._backends.get(visit.backend.named)
        if chosen is None:
            message = f"There is no backend '{visit.backend.named}'."
            raise self._unanswered(visit, UpstreamFailure("BackendConnectionFailure", message))
        entity = chosen if chosen.pool is None else self._member(visit, chosen)
        ticket = None
        if entity is not None and entity.breaker is not None:
            ticket = self._backends.admit(entity, self._clock())
            entity = entity if ticket is not None else None
        if entity is None:
            raise self._shed(visit, chosen)
        if entity.url is None:
            self._count(Target(visit.request.url, entity, ticket), Outcome())
            message = f"The backend '{entity.name}' has no URL that can be called."
            raise self._unanswered(visit, UpstreamFailure("BackendConnectionFailure", message))
        visit.backend = Backend(chosen.name, "Pool" if chosen.is_pool else "Single", entity.region, entity.name)
        base = entity.url
        path = base.path.rstrip("/") + visit.remaining_path
        visit.request.url = Url(base.scheme, base.host, base.port, path or "/", visit.request.url.query)
        return Target(visit.request.url, entity, ticket, chosen)

    def _member(self, visit: Visit, pool: BackendEntity) -> BackendEntity | None:
        """Return the member to use, or None if all are open.

        It is also None if the client's own member is open and the client may not use another.
        """
        now = self._clock()
        if pool.affinity is not None:
            bound = bound_member(pool, visit.request.headers)
            if bound is not None and self._backends.admits(bound, now):
                return self._backends.get(bound)
            if bound is not None and self.options.affinity_to_tripped == "503":
                return None
        name = pool.pool.choose(lambda member: self._backends.admits(member, now)) if pool.pool is not None else None
        if name is not None and pool.affinity is not None:
            visit.session_cookie = cookie_for(pool, name)
        return None if name is None else self._backends.get(name)

    def _shed(self, visit: Visit, chosen: BackendEntity) -> PolicyFault:
        names = chosen.members if chosen.is_pool else (chosen.name,)
        tripped = [entity for name in names if (entity := self._backends.get(name)) is not None]
        visit.response = shed_response(chosen, tripped, self._clock(), self.options)
        visit.backend_name = chosen.name
        message = f"The circuit breaker of backend '{chosen.name}' is open."
        outbound = self.options.open_section == "outbound"
        return PolicyFault(
            _SOURCE, "CircuitBreakerOpen", message, visit.response.status_code, answered=True, outbound=outbound
        )

    # sending

    async def _send(self, visit: Visit, target: Target, options: ForwardOptions) -> ClientResponse:
        request = visit.request
        body = await self._request_body(request.body, options)
        url, extra = await self._credentials(target)
        hop = Hop(request.method, url, True)
        for _ in range(MOST):
            call = self._call(visit, target, hop, body if hop.body else b"", extra, options)
            response = await self._perform(call, target.entity)
            following = next_hop(hop.method, hop.url, response) if options.follow_redirects else None
            if following is None or (following.body and not isinstance(body, bytes)):
                return response
            await _discard(response)
            hop = following._replace(body=hop.body and following.body)
        return response

    def _call(
        self,
        visit: Visit,
        target: Target,
        hop: Hop,
        body: bytes | AsyncIterator[bytes],
        extra: tuple[tuple[str, str], ...],
        options: ForwardOptions,
    ) -> UpstreamCall:
        endpoint = self.endpoints.resolve(hop.url, target.entity is None or _verifies(target.entity))
        if self.endpoints.is_mock(endpoint) and HEADER in visit.request.headers:
            extra = (*extra, (INSTANCE_HEADER, self.instance))
        same_origin = (hop.url.host, hop.url.port) == (target.url.host, target.url.port)
        head, chunked = request_head(
            visit.request,
            hop.url,
            body,
            method=hop.method,
            client_host=visit.client_host,
            extra=extra if same_origin else (),
            private=same_origin,
        )
        counts = self.options.connect_time_counts
        return UpstreamCall(
            endpoint,
            head,
            hop.method,
            body,
            chunked,
            options.timeout_s,
            connect_counts=counts,
            connect_timeout_s=min(_CONNECT_S, options.timeout_s) if counts else _CONNECT_S,
            on_head=self._counter(target, options.follow_redirects),
        )

    async def _perform(self, call: UpstreamCall, entity: BackendEntity | None) -> ClientResponse:
        if self.options.in_flight_at_trip == "finish" or entity is None:
            return await self._client.request(call)
        return await self._cancellable(call, entity)

    async def _cancellable(self, call: UpstreamCall, entity: BackendEntity) -> ClientResponse:
        """Send the request, but cancel it if the breaker trips meanwhile (option `in_flight_at_trip`)."""
        cut = _Cut(asyncio.get_running_loop().create_task(self._client.request(call)))
        entity.in_flight.add(cut)
        try:
            return await cut.task
        except asyncio.CancelledError:
            if cut.tripped:
                raise UpstreamFailure("BackendConnectionFailure", "The circuit breaker tripped meanwhile.") from None
            cut.task.cancel()
            raise
        finally:
            entity.in_flight.discard(cut)
            del cut  # a failure refers to this frame, and this name to the failure: a reference cycle

    async def _request_body(self, body: Body, options: ForwardOptions) -> bytes | AsyncIterator[bytes]:
        """Return the body to send. A body that is not buffered can be sent only once; later attempts send none."""
        if body.data is None and body.stream is not None and options.buffer_request_body:
            try:
                await body.buffer(self._limits.buffered_bytes)
            except ValueError as error:
                raise PolicyFault(_SOURCE, "RequestBodyTooLarge", str(error), 413) from error
        if body.consumed:
            return b""
        if body.data is not None:
            body.consumed = bool(body.data) and not options.buffer_request_body
            return body.data
        body.consumed = True
        return body.stream if body.stream is not None else b""

    async def _credentials(self, target: Target) -> tuple[Url, tuple[tuple[str, str], ...]]:
        """Return the URL and the headers that the backend entity's credentials add."""
        credentials = target.entity.properties.get("credentials") if target.entity is not None else None
        if not credentials:
            return target.url, ()
        headers: list[tuple[str, str]] = []
        for name, values in (credentials.get("header") or {}).items():
            headers += [(str(name), str(value)) for value in (values if isinstance(values, list) else [values])]
        authorization = credentials.get("authorization") or {}
        if authorization.get("scheme"):
            headers.append(("authorization", f"{authorization['scheme']} {authorization.get('parameter', '')}".strip()))
        identity = credentials.get("managedIdentity") or {}
        if identity.get("resource"):
            token = await self._tokens.get(str(identity["resource"]), identity.get("clientId"))
            headers.append(("authorization", f"Bearer {token}"))
        return with_query(target.url, credentials.get("query") or {}), tuple(headers)

    # counting

    def _counter(self, target: Target, follows: bool) -> Callable[[ClientResponse], None] | None:
        """Return a callback that counts the response as soon as its head arrives, before anything else can happen."""
        entity = target.entity
        if entity is None or target.ticket is None:
            return None

        def count(response: ClientResponse) -> None:
            if follows and is_redirect(response):
                return  # only the last response counts
            outcome = Outcome(response.status, None, self._retry_after(response))
            ticket, target.ticket = target.ticket, None
            if ticket is not None:
                self._backends.record(entity, ticket, response.received, outcome)

        return count

    def _retry_after(self, response: ClientResponse) -> float | None:
        if response.status < 400:
            return None
        seconds, milliseconds = response.header("retry-after"), response.header("retry-after-ms")
        if seconds is None and milliseconds is None:
            return None
        return parse_retry_after(seconds, milliseconds, time.time(), self.options)

    def _count(self, target: Target, outcome: Outcome) -> None:
        """Count an attempt that got no response."""
        ticket, target.ticket = target.ticket, None
        if target.entity is not None and ticket is not None:
            self._backends.record(target.entity, ticket, self._clock(), outcome)

    # receiving

    async def _accept(self, visit: Visit, target: Target, response: ClientResponse, options: ForwardOptions) -> None:
        headers = Headers([header for header in response.headers if header[0] not in HOP_BY_HOP])
        if visit.session_cookie is not None:
            headers.append("set-cookie", visit.session_cookie)
            visit.session_cookie = None
        body = (
            Body(response.body)
            if isinstance(response.body, bytes)
            else Body(None, self._watched(target, response.body))
        )
        visit.open_body = body.stream
        visit.response = Response(response.status, response.reason, headers, body)
        if body.data is None and options.read_response_body:
            await self._read(visit, body)

    async def _read(self, visit: Visit, body: Body) -> None:
        try:
            await body.buffer(self._limits.buffered_bytes)
        except UpstreamFailure as failure:
            raise self._unanswered(visit, failure) from failure
        except ValueError as error:
            await visit.drop_body()
            raise self._unanswered(visit, UpstreamFailure("BackendConnectionFailure", str(error))) from error
        visit.open_body = None

    def _watched(self, target: Target, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Return the body. If the options count broken streams, its breaking off is reported to the breaker."""
        entity = target.entity
        if entity is None or not self.options.broken_stream_counts:
            return body
        return _Watched(body, lambda: self._break(entity))

    def _break(self, entity: BackendEntity) -> None:
        self._backends.record(entity, Ticket(None), self._clock(), Outcome(None, "BackendConnectionFailure"))

    def _unanswered(self, visit: Visit, failure: UpstreamFailure) -> PolicyFault:
        """Set context.Response after a call without a response: an option, because no source says what policies see."""
        synthetic = self.options.response_after_transport_failure == "synthetic_500"
        visit.response = internal_error(visit) if synthetic else None
        return PolicyFault(_SOURCE, failure.reason, failure.message, 500, answered=True)

    def _account(self, visit: Visit, target: Target, came: ClientResponse | UpstreamFailure, started: float) -> None:
        name = target.entity.name if target.entity is not None else None
        visit.backend_name = name
        if isinstance(came, ClientResponse):
            visit.tries.append(Attempt(name, target.url, came.status, None, started, came.received - started))
        else:
            visit.tries.append(Attempt(name, target.url, None, came.reason, started, self._clock() - started))


class _Cut:
    """Cancels a call in flight when its backend's breaker trips."""

    def __init__(self, task: asyncio.Task[ClientResponse]) -> None:
        self.task = task
        self.tripped = False

    def __call__(self) -> None:
        self.tripped = True
        self.task.cancel()


class _Watched:
    """A body that calls back if it breaks off."""

    def __init__(self, body: AsyncIterator[bytes], broken: Callable[[], None]) -> None:
        self._body, self._broken = body, broken

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._body.__anext__()
        except UpstreamFailure:
            self._broken()
            raise

    async def aclose(self) -> None:
        close = getattr(self._body, "aclose", None)
        if close is not None:
            await close()


async def _discard(response: ClientResponse) -> None:
    close = getattr(response.body, "aclose", None)
    if close is not None:
        await close()


def _verifies(entity: BackendEntity) -> bool:
    tls = entity.properties.get("tls") or {}
    return bool(tls.get("validateCertificateChain", True)) and bool(tls.get("validateCertificateName", True))
