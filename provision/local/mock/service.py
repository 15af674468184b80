"""Answer requests as Azure OpenAI does, or as their simulation says."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from provision.local.mock.access import Access
from provision.local.mock.answers.job import Job, Stream
from provision.local.mock.behaviours import Behaviours
from provision.local.mock.call import Call, admit, check_size
from provision.local.mock.errors import JSON, ApiError, not_found, previous_response_not_found, service_error
from provision.local.mock.hosts import AccountHost, MockHost, SiteHost, Throttles
from provision.local.mock.ident import Ident
from provision.local.mock.lookups import METHODS, look_up
from provision.local.mock.reply import Reply, simulated_error
from provision.local.mock.snapshot import Site, Snapshot
from provision.local.mock.stored import StoredResponses
from provision.local.mock.streaming import Clock, Sleep, halved, paced
from provision.local.mock.throttling import throttled
from provision.local.wire.messages import Disconnect, Refused, Request, Response
from tripcurve.scenario.simulation import Behaviour
from tripcurve.simulation_headers import HEADER, INSTANCE_HEADER

__all__ = ["Mock"]

LARGEST_BODY = 16 * 1024 * 1024
MOST_HOSTS, LONGEST_HOST = 1000, 255
_ACCOUNT_DOMAINS = (".openai.azure.com", ".cognitiveservices.azure.com")
_WANTED = frozenset({"host", HEADER, INSTANCE_HEADER, "api-key", "authorization", "x-ms-client-request-id"})
_STREAM_TYPE = ("content-type", "text/event-stream; charset=utf-8")
_HEALTH = b'{"status":"running"}'


class Mock:
    """The data plane of Azure OpenAI. `only` is a web app that answers to every host name; None: see `configure`."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        only: Site | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._clock, self._sleep, self._unix_time = clock, sleep, unix_time
        self._only = only
        self._anchor = unix_time() - clock()
        self._throttles = Throttles()
        self._behaviours = Behaviours()
        self._hosts: dict[str, MockHost] = {}
        self._sole: MockHost | None = None
        self._stored: dict[str, StoredResponses] = {}
        """The stored responses by account or web app: they outlive a change of configuration."""
        self._ad_hoc: set[str] = set()
        self._options = snapshot.options
        self.requests = 0
        self.by_status: dict[int, int] = {}
        self.configure(snapshot)

    def configure(self, snapshot: Snapshot) -> None:
        """Apply a new configuration. Windows of unchanged limits and the sequences of random numbers continue."""
        if snapshot.options != self._options:  # they change the random sequences and the ad hoc hosts
            self._ad_hoc, self._hosts = set(), {}
        before = self._hosts
        self._options = snapshot.options
        self._access = Access(snapshot.token_key, snapshot.role_assignments, self._unix_time)
        self._hosts = {name: before[name] for name in self._ad_hoc}
        self._throttles.begin()
        for account in snapshot.accounts:
            for domain in _ACCOUNT_DOMAINS:
                name = account.name.lower() + domain
                host = AccountHost(name, account, snapshot.options, self._throttles)
                self._add(host, before, account.resource_id.lower())
        for site in snapshot.sites:
            name = _site_host(site)
            self._add(SiteHost(name, site, snapshot.options, self._throttles), before, name)
        self._throttles.end()
        self._sole = self._hosts[_site_host(snapshot.sites[0])] if snapshot.sole else None
        owned = {id(host.responses) for host in self._hosts.values()}
        self._stored = {owner: found for owner, found in self._stored.items() if id(found) in owned}

    def _add(self, host: MockHost, before: dict[str, MockHost], owner: str) -> None:
        old = before.get(host.name)
        if old is not None:
            host.requests, host.random = old.requests, old.random
        host.responses = self._stored.setdefault(owner, host.responses)
        self._ad_hoc.discard(host.name)
        self._hosts[host.name] = host

    def counts(self) -> dict[str, object]:
        """Return the numbers of requests so far: all, by status (0: closed before an answer) and by host."""
        by_host = {host.name: host.requests for host in self._hosts.values() if host.requests}
        by_status = {str(status): count for status, count in sorted(self.by_status.items())}
        return {"requests": self.requests, "by_status": by_status, "by_host": by_host}

    async def handle(self, request: Request) -> Response:
        """Answer one request. Raises Disconnect if a simulation asks for it."""
        self.requests += 1
        reply = await self._reply(request)
        if reply.wait_s > 0:
            await self._wait(reply.wait_s - (self._clock() - request.received))
        status = 0 if reply.drop == "before" else reply.status
        self.by_status[status] = self.by_status.get(status, 0) + 1
        if reply.drop == "before":
            raise Disconnect
        return self._response(reply)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            await self._sleep(seconds)

    def _response(self, reply: Reply) -> Response:
        body, cut = reply.body, reply.drop == "during"
        if isinstance(body, Stream):
            pieces = paced(body, reply.chunk_s, self._clock, self._sleep, cut=cut)
            return Response(reply.status, reply.headers, pieces)
        if cut:
            headers = [*reply.headers, ("content-length", str(len(body)))]
            return Response(reply.status, headers, halved(body, self._sleep))
        return Response(reply.status, reply.headers, body)

    async def _reply(self, request: Request) -> Reply:
        fields: dict[str, str] = {}
        for name, value in request.headers:
            if name in _WANTED:
                fields.setdefault(name, value)
        try:
            host = self._host(fields.get("host", ""))
        except ApiError as error:
            return Reply(error.status, list(error.headers), error.body)
        host.requests += 1
        ident = Ident(host.random, fields.get("x-ms-client-request-id"))
        try:
            data = request.body if isinstance(request.body, bytes) else await _read(request)
            if request.method in METHODS:
                return self._look_up(host, request, fields, ident)
            return self._decide(admit(host, self._access, request, fields, data), fields, ident)
        except ApiError as error:
            return Reply(error.status, [*error.headers, *ident.headers(host.region)], error.body)

    def _look_up(self, host: MockHost, request: Request, fields: dict[str, str], ident: Ident) -> Reply:
        if isinstance(host, SiteHost) and request.target.partition("?")[0] == "/" and request.method != "DELETE":
            return Reply(200, [JSON], _HEALTH)  # App Service checks here that the app is alive
        body = look_up(host, self._access, request, fields)
        return Reply(200, [JSON, *ident.headers(host.region)], body)

    def _host(self, header: str) -> MockHost:
        """Return the host for a Host header. Raises ApiError 404 for an account that does not exist."""
        if self._sole is not None:
            return self._sole
        found = self._hosts.get(header)
        if found is not None:
            return found
        name = _without_port(header)
        found = self._hosts.get(name)
        if found is not None:
            return found
        if self._only is None and name.endswith(_ACCOUNT_DOMAINS):
            raise not_found(f"Resource not found: there is no Azure OpenAI account at {name[:100]}")
        site = self._only if self._only is not None else Site(name=name, location="eastus")
        host = SiteHost(name, site, self._options, self._throttles)
        if len(self._ad_hoc) < MOST_HOSTS and len(name) <= LONGEST_HOST:
            self._hosts[name] = host
            self._ad_hoc.add(name)
        return host

    def _decide(self, call: Call, fields: dict[str, str], ident: Ident) -> Reply:
        simulated = fields.get(HEADER), call.parameters.simulation
        behaviour = self._behaviours.find(call.host.name, *simulated, fields.get(INSTANCE_HEADER))
        check_size(call.parameters, behaviour.completion_tokens)
        now = self._clock()
        try:
            if behaviour.response_status_code is None:
                self._limit(call, now)
            else:
                self._simulate(call, behaviour)
        except ApiError as error:
            # A refusal takes Azure no model time, so only a simulation delays it.
            wait_s = 0.0 if behaviour.wait_time_ms is None else behaviour.wait_time_ms / 1000
            headers = [*error.headers, *ident.headers(call.host.region)]
            return Reply(error.status, headers, error.body, wait_s, drop=behaviour.drop)
        return self._succeed(call, behaviour, now, ident)

    def _limit(self, call: Call, now: float) -> None:
        """Count the call's cost in its deployment's quota. Raises ApiError 429 if it does not fit."""
        throttle = call.served.throttle
        if throttle is None:
            return
        refusal = throttle.admit(now, call.parameters.cost)
        if refusal is not None:
            extra = tuple(throttle.headers(now))
            raise throttled(refusal, self._options.mock_429_headers, extra=extra, **call.names())

    def _simulate(self, call: Call, behaviour: Behaviour) -> None:
        """Raise the ApiError that the simulation asks for, if any."""
        status, retry_after_s = behaviour.response_status_code, behaviour.retry_after_s
        if status is None or status < 300:
            return
        if status == 429:
            flavour = self._options.mock_429_headers
            raise throttled(None, flavour, retry_after_s=retry_after_s, **call.names())
        retry_after = () if retry_after_s is None else (("retry-after", str(math.ceil(retry_after_s))),)
        raise simulated_error(status, retry_after)

    def _succeed(self, call: Call, behaviour: Behaviour, now: float, ident: Ident) -> Reply:
        _continue(call)
        created = int(self._anchor + now)
        job = Job(call.parameters, call.served.model, ident.digits, created, behaviour.completion_tokens)
        if call.parameters.store:
            call.host.responses.keep(job)
        stream = call.operation.stream if call.parameters.stream else None
        status = 200 if behaviour.response_status_code is None else behaviour.response_status_code
        headers = self._success_headers(call, now, ident, _STREAM_TYPE if stream is not None else JSON)
        body = call.operation.whole(job) if stream is None else stream(job)
        chunk_s = call.host.latency.per_token_s if behaviour.chunk_ms is None else behaviour.chunk_ms / 1000
        return Reply(status, headers, body, _model_time(call, behaviour, job, stream is None), chunk_s, behaviour.drop)

    def _success_headers(
        self, call: Call, now: float, ident: Ident, content_type: tuple[str, str]
    ) -> list[tuple[str, str]]:
        headers = [content_type, *ident.headers(call.host.region), ("x-ms-rai-invoked", "true")]
        if call.served.name.isascii() and call.served.name.isprintable():
            headers.append(("x-ms-deployment-name", call.served.name))
        if call.served.throttle is not None:
            headers += call.served.throttle.headers(now)
        return headers


def _site_host(site: Site) -> str:
    return site.name.lower() + ".azurewebsites.net"


def _continue(call: Call) -> None:
    """Add the tokens of the conversation before a response to its prompt. Raises ApiError 400 if it is not stored."""
    parameters = call.parameters
    if parameters.previous is None:
        return
    before = call.host.responses.get(parameters.previous)
    if before is None:
        raise previous_response_not_found(parameters.previous)
    parameters.prompt_tokens += before.parameters.prompt_tokens + before.completion_tokens


def _model_time(call: Call, behaviour: Behaviour, job: Job, whole: bool) -> float:
    """Return the seconds until the answer begins; `whole` answers begin after all tokens. Always draws one number."""
    latency = call.host.latency
    drawn_s = latency.draw(call.host.random)
    if behaviour.wait_time_ms is not None:
        return behaviour.wait_time_ms / 1000
    tokens = job.completion_tokens * call.parameters.choices
    return drawn_s + (latency.per_token_s * tokens if whole and call.operation.kind == "text" else 0.0)


async def _read(request: Request) -> bytes:
    try:
        return await request.read(LARGEST_BODY)
    except Refused as refusal:
        if refusal.status != 413:
            raise
        raise service_error(413, "413", refusal.message) from None


def _without_port(header: str) -> str:
    """Return `name` for `name:8080`, in lower case; an IPv6 address keeps its brackets."""
    name, colon, port = header.strip().lower().rpartition(":")
    return name if colon and port.isdigit() else header.strip().lower()
