"""Policies that call other services or answer themselves: send-request, send-one-way-request, wait, mock-response."""

from __future__ import annotations

import asyncio
import json

from provision.local.apim.context import Body, Headers, PolicyContext, Request, Response, Url
from provision.local.apim.policies.answers import REASONS
from provision.local.apim.policies.elements import ANYWHERE, Attribute, Child, Element
from provision.local.apim.policies.identity import BASIC, MANAGED_IDENTITY, IdentityToken, basic_header
from provision.local.apim.policies.mutation import (
    SET_BODY,
    SET_HEADER,
    SET_METHOD,
    BodyEdit,
    HeaderEdit,
    method_of,
)
from provision.local.apim.policies.steps import Finished, Parsed, Policy, Run, Step, execute, reads_of
from provision.local.apim.policies.targets import parse_url
from provision.local.apim.policies.values import as_text
from provision.local.apim.services import PolicyFault, Services

__all__ = ["POLICIES"]

DEFAULT_TIMEOUT_S = 60.0
MAX_IN_BACKGROUND = 1000
"""The most one-way requests in flight per unit. Further ones are dropped and logged."""

SET_URL = Element("set-url", text="expression")
CERTIFICATE = Element("authentication-certificate", refused=True)
PROXY = Element("proxy", refused=True)
_PARTS = (
    Child(SET_URL),
    Child(SET_METHOD),
    Child(SET_HEADER, most=None),
    Child(SET_BODY),
    Child(MANAGED_IDENTITY),
    Child(BASIC),
    Child(CERTIFICATE),
    Child(PROXY),
)
_OPTIONS = (
    Attribute("mode", choices=("new", "copy")),
    Attribute("timeout", "number", expression=True, least=0),
    Attribute("ignore-error", "boolean"),
)
SEND = Element("send-request", (*_OPTIONS, Attribute("response-variable-name", required=True)), _PARTS)
SEND_ONE_WAY = Element("send-one-way-request", _OPTIONS, _PARTS)
WAIT = Element("wait", (Attribute("for", choices=("all", "any")),), steps=True)
MOCK = Element(
    "mock-response",
    (
        Attribute("status-code", "integer", least=100, most=999),
        Attribute("content-type"),
        Attribute("index", "integer", here="idle"),
    ),
)


class _Call:
    """A request of a policy's own, made from its children: a new message, or a copy of the current one."""

    def __init__(self, parsed: Parsed) -> None:
        url, method, body = (parsed.first(name) for name in ("set-url", "set-method", "set-body"))
        self._url = None if url is None else url.text
        self._method = None if method is None else method.text
        self._body = None if body is None else BodyEdit(body)
        self._headers = [HeaderEdit(child) for child in parsed.named("set-header")]
        identity, self._basic = parsed.first(MANAGED_IDENTITY.name), parsed.first(BASIC.name)
        self._identity = None if identity is None else IdentityToken(identity)
        self._copy = parsed.literal("mode", "new") == "copy"
        self._timeout = parsed.value("timeout")
        self.reads = reads_of((self._url, self._method, self._body, self._timeout, self._identity, *self._headers))
        self.reads |= {"request.body"} if self._copy else frozenset()
        if not self._copy and self._url is None:
            raise parsed.node.error("'set-url' must be specified unless mode is copy.")

    async def send(self, context: PolicyContext, services: Services) -> Response:
        request = self._request(context)
        if self._identity is not None:
            token = await self._identity.get(context, services)
            if token is not None:
                request.headers.replace("Authorization", [f"Bearer {token}"])
        timeout = DEFAULT_TIMEOUT_S if self._timeout is None else self._timeout.get(context)
        return await services.send(request, timeout if isinstance(timeout, (int, float)) else DEFAULT_TIMEOUT_S)

    def _request(self, context: PolicyContext) -> Request:
        original = context.request
        url = self._target(context)
        headers = original.headers.copy() if self._copy else Headers()
        body = Body(original.body.data) if self._copy else Body()
        request = Request(original.method if self._copy else "GET", url, url, headers, body)
        if self._method is not None:
            request.method = method_of(self._method, context)
        if self._basic is not None:
            headers.replace("Authorization", [basic_header(self._basic, context)])
        for edit in self._headers:
            edit.apply(headers, context)
        if self._body is not None:
            request.body = self._body.body(context, original)
        return request

    def _target(self, context: PolicyContext) -> Url:
        if self._url is not None:
            return parse_url(as_text(self._url.get(context)), "send-request")
        url = context.request.url
        return Url(url.scheme, url.host, url.port, url.path, url.query)


class SendRequest(Step):
    """Stores the response in a variable, or null if the call failed and errors are ignored [PR-send-request]."""

    waits = True

    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        self._call, self._ignore = _Call(parsed), parsed.flag("ignore-error", False)
        self._variable = parsed.literal("response-variable-name")
        self.reads = self._call.reads

    async def wait(self, run: Run) -> None:
        try:
            answer: Response | None = await self._call.send(run.context, run.services)
        except PolicyFault as fault:
            if not self._ignore:
                fault.source, fault.answered = self.name, False
                raise
            answer = None
        run.context.variables[self._variable] = answer


class SendOneWayRequest(Step):
    """Sends a request and continues at once. The response is ignored."""

    waits = True
    _background: set[asyncio.Task[None]] = set()  # noqa: RUF012 - one per process, so that tasks are not collected

    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        self._call = _Call(parsed)
        self.reads = self._call.reads

    async def wait(self, run: Run) -> None:
        if len(self._background) >= MAX_IN_BACKGROUND:
            run.services.record("trace", {"source": self.name, "severity": "error", "message": "too many under way"})
            return
        task = asyncio.create_task(self._send(run.context, run.services))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _send(self, context: PolicyContext, services: Services) -> None:
        try:
            await self._call.send(context, services)
        except PolicyFault as fault:
            services.record("trace", {"source": self.name, "severity": "error", "message": fault.message})


class Wait(Step):
    """Runs its children in parallel until all have finished, or one has."""

    waits = True
    ALLOWED = frozenset({"send-request", "cache-lookup-value", "choose"})

    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        self._any = parsed.literal("for", "all") == "any"
        self._steps = parsed.steps
        wrong = [step.name for step in self._steps if step.name not in self.ALLOWED]
        if wrong:
            raise parsed.node.error(f"'wait' may hold only {', '.join(sorted(self.ALLOWED))}, not '{wrong[0]}'.")
        self.reads = reads_of(self._steps)

    async def wait(self, run: Run) -> None:
        tasks = [asyncio.ensure_future(execute((step,), run)) for step in self._steps]
        if not tasks:
            return
        until = asyncio.FIRST_COMPLETED if self._any else asyncio.FIRST_EXCEPTION
        try:
            done, _ = await asyncio.wait(tasks, return_when=until)
            while done:
                done.pop().result()
        finally:
            await _end(tasks)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel the tasks that still run, and empty the list: a failed task and its frame refer to one another."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    tasks.clear()


class MockResponse(Step):
    """Answers at once. The API definition's examples are not available, so the body is empty JSON or nothing."""

    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        self._status = int(parsed.number("status-code") or 200)
        self._type = parsed.literal("content-type")

    def apply(self, run: Run) -> None:
        response = Response(self._status, REASONS.get(self._status, "OK" if self._status == 200 else ""))
        if self._type:
            response.headers.append("Content-Type", self._type)
            response.body = Body(json.dumps({}).encode() if "json" in self._type else b"")
        run.context.response = response
        raise Finished


POLICIES = (
    Policy(SEND, ANYWHERE, "PR-send-request", SendRequest),
    Policy(SEND_ONE_WAY, ANYWHERE, "PR-send-one-way-request", SendOneWayRequest),
    Policy(WAIT, ANYWHERE, "PR-wait", Wait),
    Policy(
        MOCK,
        frozenset({"inbound", "outbound", "on-error"}),
        "PR-mock-response",
        MockResponse,
        note="does not use the examples of the API definition",
    ),
)
