"""One gateway unit: receives requests, runs their policies and answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from provision.local.apim.context import Body, Headers, LastError, Request, Url
from provision.local.apim.policies.answers import error_response
from provision.local.apim.policies.pipeline import Pipeline
from provision.local.apim.services import PolicyFault
from provision.local.gateway.answers import answer_of
from provision.local.gateway.backends import Backends
from provision.local.gateway.config import Snapshot
from provision.local.gateway.endpoints import Endpoints
from provision.local.gateway.forward import Forwarder
from provision.local.gateway.logs import EventLog, RequestLog
from provision.local.gateway.records import attempt_records, request_record
from provision.local.gateway.routing import Match
from provision.local.gateway.table import NO_API, NO_OPERATION, Table
from provision.local.gateway.tokens import Tokens
from provision.local.gateway.unit_services import UnitServices
from provision.local.gateway.visit import HOP_BY_HOP, Visit
from provision.local.wire import Limits, Refused, Server
from provision.local.wire import Request as WireRequest
from provision.local.wire import Response as WireResponse
from provision.local.wire.calls import UpstreamFailure
from provision.local.wire.client import Client
from tripcurve.breaker import Closed, Opened
from tripcurve.breaker.events import Anchor, Source, render_event
from tripcurve.clock_pairing import pair_clocks

__all__ = ["GatewayUnit"]


class GatewayUnit:
    """Serves one API Management service's gateway on one port, with its own breaker, pool and policy state."""

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits if limits is not None else Limits()
        self._clock = clock
        self._anchor = Anchor(*pair_clocks())
        self._client = Client(clock)
        self._tokens = Tokens(self._client)
        self._backends: Backends | None = None
        self._forwarder: Forwarder | None = None
        self._services: UnitServices | None = None
        self._table: Table | None = None
        self._server = Server(self.handle, self._limits, clock)
        self._events = EventLog(None)
        self._log = RequestLog(None)
        self.requests = 0
        self._cpu_before_s = 0.0
        self.by_status: Counter[int] = Counter()
        self.left = 0
        """The number of requests whose client left before an answer was ready."""

    # configuration

    async def start(self, snapshot: Snapshot) -> int:
        """Use the first configuration and listen. Returns the port. Raises OSError if the port is taken."""
        self._events = EventLog(snapshot.events_file)
        self._log = RequestLog(snapshot.logs_file)
        unit = snapshot.service.unit
        self._backends = Backends(self._publish, self._clock, unit)
        self._forwarder = Forwarder(self._backends, self._client, self._tokens, self._clock, self._limits)
        self._forwarder.instance = str(unit)
        self._services = UnitServices(
            self._forwarder, self._client, self._tokens, self._clock, self._telemetry, self._limits
        )
        self._cpu_before_s = time.process_time()
        self.apply(snapshot)
        return await self._server.listen("127.0.0.1", snapshot.service.port, reuse_port=True)

    def apply(self, snapshot: Snapshot) -> None:
        """Use another configuration. Requests in flight finish with the one they began with.

        Raises PolicyError or ValueError for one that cannot be used; the previous one then stays in force.
        """
        if self._backends is None or self._forwarder is None or self._services is None:
            raise RuntimeError("the unit has not been started")
        table = Table(snapshot, self._table)
        self._backends.update(snapshot.backends, snapshot.options)
        self._table = table
        self._forwarder.options = snapshot.options
        self._forwarder.endpoints = Endpoints(snapshot.mock_port, snapshot.allow_external, snapshot.sign_in)
        self._services.configure(snapshot.options, snapshot.service.sku, snapshot.service.unit)
        self._tokens.configure(snapshot.service.identity)

    async def stop(self, grace_s: float = 1.0) -> None:
        """Finish the requests in flight within `grace_s`, and write the rest of the log."""
        await self._server.close(grace_s)
        await self._client.close()
        if self._backends is not None:
            self._backends.close()
        self._log.close()
        self._events.close()

    def flush(self) -> None:
        """Write the events, and the log lines that wait for the next batch."""
        self._events.flush()
        self._log.flush()

    def counts(self) -> dict[str, object]:
        """Return the numbers of requests and of their answers. `refused` are requests that no policy saw.

        `cpu_s`: the processor time since the start, seconds.
        """
        return {
            "requests": self.requests,
            "by_status": {str(status): number for status, number in sorted(self.by_status.items())},
            "client_left": self.left,
            "refused": {str(status): number for status, number in sorted(self._server.refused.items())},
            "backend_attempts": 0 if self._forwarder is None else self._forwarder.attempts,
            "connections": len(self._server.connections),
            "cpu_s": round(time.process_time() - self._cpu_before_s, 3),
            "open_until": {} if self._backends is None else self._backends.states(),
        }

    # serving

    async def handle(self, request: WireRequest) -> WireResponse:
        """Answer one request: route, key, policies."""
        self.requests += 1
        table, services = self._table, self._services
        if table is None or services is None:
            raise RuntimeError("the unit has not been started")
        visit = _visit(request, table)
        try:
            if request.method == "OPTIONS" and _preflight(visit, table, services):
                return await self._answer(visit, request)
            pipeline, fault = _admit(visit, request, table)
            if fault is None:
                await self._read_body(visit, request, pipeline)
                await pipeline.run(visit, services)
            else:
                await pipeline.reject(visit, services, fault)
        except BaseException as error:
            await self._ended(visit, request, error)
            raise
        return await self._answer(visit, request)

    async def _ended(self, visit: Visit, request: WireRequest, error: BaseException) -> None:
        """Count a request that policies did not answer: the client left, its body was bad, or the gateway failed."""
        if isinstance(error, (asyncio.CancelledError, ConnectionError)):
            self.left += 1
            status = 0
        else:
            status = error.status if isinstance(error, Refused) else 500
            self.by_status[status] += 1
        self._note(visit, request, status, 0, error)
        await visit.drop_body()

    async def _read_body(self, visit: Visit, request: WireRequest, pipeline: Pipeline) -> None:
        """Read the whole body if a policy needs it. Raises Refused (413) if it is too long."""
        if isinstance(request.body, bytes):
            visit.request.body = Body(request.body)
        elif "request.body" in pipeline.reads:
            visit.request.body = Body(await request.read(self._limits.buffered_bytes))
        else:
            visit.request.body = Body(None, request.body)

    async def _answer(self, visit: Visit, request: WireRequest) -> WireResponse:
        response = visit.response if visit.response is not None else error_response(500, "Internal server error")
        if response.body.stream is not visit.open_body or response.body.data is not None:
            await visit.drop_body()  # a policy answered with another response
        self.by_status[response.status_code] += 1
        status = response.status_code
        return answer_of(response, request.method, lambda size, error: self._note(visit, request, status, size, error))

    # logging

    def _publish(self, backend: str, rule: str, event: Opened | Closed) -> None:
        if self._table is None:
            return
        service = self._table.snapshot.service
        source = Source(service.resource_id, backend, rule, service.unit)
        self._events.add(partial(render_event, event, self._anchor, source))

    def _note(self, visit: Visit, request: WireRequest, status: int, size: int, error: BaseException | None) -> None:
        """Log a request, but only when its answer has been started. `error` is the reason why it ended early."""
        if error is not None:
            visit.last_error = _early_end(error)
        if self._log.enabled:
            took_s = self._clock() - request.received
            asyncio.get_running_loop().call_soon(self._write_down, visit, request, status, size, took_s)

    def _write_down(self, visit: Visit, request: WireRequest, status: int, size: int, took_s: float) -> None:
        sent = len(request.body) if isinstance(request.body, bytes) else int(request.header("content-length") or 0)
        for record in attempt_records(visit):
            self._log.add(record)
        self._log.add(request_record(visit, request, status, (sent, size), took_s))

    def _telemetry(self, kind: str, data: dict[str, object]) -> None:
        self._log.add({"Type": kind, "TimeGenerated": datetime.now(UTC).isoformat(), **data})


def _visit(request: WireRequest, table: Table) -> Visit:
    """Return the context of a request of which only the head is known."""
    path, _, query = request.target.partition("?")
    host = request.header("host") or "localhost"
    url = _client_url(host, _normal(path), query)
    dropped = _connection_headers(request)
    headers = Headers([header for header in request.headers if header[0] not in dropped])
    asked = Request(request.method, url, _copy(url), headers, Body(), request.peer)
    return Visit(
        UUID(int=random.getrandbits(128), version=4),  # an identifier, not a secret
        datetime.now(UTC),
        asked,
        NO_API,
        NO_OPERATION,
        table.deployment,
        started=request.received,
        client_host=request.header("host"),
    )


def _admit(visit: Visit, request: WireRequest, table: Table) -> tuple[Pipeline, PolicyFault | None]:
    """Find the operation and check the key. Returns the pipeline, and the fault if only on-error must run."""
    url = visit.request.url
    match = table.router.match(request.method, url.path)
    if match is None:
        return _unmatched(visit, table)
    api, operation = match.api, match.operation
    _place(visit, match, table)
    try:
        access = table.keys.check(api, visit.request.headers, url.query, visit.client_host or "")
    except PolicyFault as fault:
        return table.pipeline(None, api, operation), fault.with_traceback(None)  # no cycle through the caller's frame
    visit.subscription = access.subscription
    visit.product = table.product(access.product)
    return table.pipeline(access.product, api, operation), None


def _preflight(visit: Visit, table: Table, services: UnitServices) -> bool:
    """Have the cors policy of the requested operation answer a browser's preflight, if it has one."""
    method = visit.request.headers.get("access-control-request-method")
    match = None if method is None else table.router.match(method.upper(), visit.request.url.path)
    if match is None:
        return False
    _place(visit, match, table)
    return table.pipeline(None, match.api, match.operation).preflight(visit, services)


def _place(visit: Visit, match: Match, table: Table) -> None:
    """Store the operation, and set the request's URL to the API's service URL."""
    visit.api, visit.operation = table.api(match.api), table.operation(match.api, match.operation)
    visit.remaining_path = match.rest
    visit.request.matched_parameters = dict(match.parameters)
    base, url = table.base(match.api), visit.request.url
    if base is not None:
        visit.request.url = Url(base.scheme, base.host, base.port, base.path.rstrip("/") + match.rest or "/", url.query)


def _unmatched(visit: Visit, table: Table) -> tuple[Pipeline, PolicyFault]:
    api = table.router.api_of(visit.request.url.path)
    if api is not None:
        visit.api = table.api(api)
    message = "Unable to match incoming request to an operation."
    fault = PolicyFault(
        "configuration", "OperationNotFound", message, 404, response=error_response(404, "Resource not found")
    )
    return table.pipeline(None, api, None), fault


def _early_end(error: BaseException) -> LastError:
    """Return what the log says about a request that ended early."""
    if isinstance(error, UpstreamFailure):
        return LastError("forward-request", error.reason, error.message)
    if isinstance(error, Refused):
        return LastError("client", "BadRequest", error.message)
    if isinstance(error, (asyncio.CancelledError, ConnectionError)):
        return LastError("client", "ClientConnectionFailure", "The client closed the connection.")
    return LastError("gateway", "InternalError", type(error).__name__)


def _client_url(host: str, path: str, query: str) -> Url:
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit() and not name.endswith(":"):
        return Url("http", name, int(port), path, query)
    return Url("http", host, 80, path, query)


def _copy(url: Url) -> Url:
    return Url(url.scheme, url.host, url.port, url.path, url.query)


def _normal(path: str) -> str:
    """Return the path without dot segments, so that policies and backends cannot read it differently."""
    if "/." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)


def _connection_headers(request: WireRequest) -> frozenset[str]:
    """Return the headers that concern the client's connection only, with those that Connection names."""
    named = request.header("connection")
    if named is None or named.lower() in ("keep-alive", "close"):
        return HOP_BY_HOP
    return HOP_BY_HOP | {name.strip().lower() for name in named.split(",")} - {"host", "content-length"}
