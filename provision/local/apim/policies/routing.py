"""Policies that control the flow: base, choose, retry, set-backend-service, forward-request, return-response, wait."""

from __future__ import annotations

from collections.abc import Sequence

from provision.local.apim.context import Backend, Body, Response
from provision.local.apim.policies.elements import ANYWHERE, Attribute, Child, Element
from provision.local.apim.policies.mutation import (
    SET_BODY,
    SET_HEADER,
    SET_STATUS,
    BodyEdit,
    HeaderEdit,
    StatusEdit,
)
from provision.local.apim.policies.steps import (
    Finished,
    Parsed,
    Policy,
    Run,
    Step,
    execute,
    reads_of,
    run_sync,
    waits_any,
)
from provision.local.apim.policies.targets import set_base_url
from provision.local.apim.policies.values import Value, as_text
from provision.local.apim.services import ForwardOptions, PolicyFault

__all__ = ["MAX_ATTEMPTS", "POLICIES", "Base"]

MAX_ATTEMPTS = 50
"""The highest `count` of retry [PR-retry]."""
MAX_DOUBLINGS = 30
"""The number of doublings after which an exponential interval stops growing; max-interval is reached long before."""

BASE = Element("base")
WHEN = Element("when", (Attribute("condition", "boolean", required=True, expression=True),), steps=True)
OTHERWISE = Element("otherwise", steps=True)
CHOOSE = Element("choose", children=(Child(WHEN, 1, None), Child(OTHERWISE)), ordered=True)
RETRY = Element(
    "retry",
    (
        Attribute("condition", "boolean", required=True, expression=True),
        Attribute("count", "integer", required=True, expression=True, least=1, most=MAX_ATTEMPTS),
        Attribute("interval", "number", required=True, expression=True, least=0),
        Attribute("delta", "number", expression=True, least=0),
        Attribute("max-interval", "number", expression=True, least=0),
        Attribute("first-fast-retry", "boolean", expression=True),
    ),
    steps=True,
)
SERVICE_FABRIC = (
    *("sf-resolve-condition", "sf-service-instance-name", "sf-partition-key", "sf-replica-type"),
    *("sf-listener-name", "dapr-app-id", "dapr-method", "dapr-namespace"),
)
SET_BACKEND = Element(
    "set-backend-service",
    (
        Attribute("base-url", expression=True),
        Attribute("backend-id", expression=True),
        *(Attribute(name, here="refused") for name in SERVICE_FABRIC),
    ),
)
FORWARD = Element(
    "forward-request",
    (
        Attribute("timeout", "number", expression=True, least=0),
        Attribute("timeout-ms", "number", expression=True, least=0),
        Attribute("continue-timeout", "number", expression=True, least=0, here="idle"),
        Attribute("http-version", choices=("1", "2", "2or1"), here="idle"),
        Attribute("follow-redirects", "boolean", expression=True),
        Attribute("buffer-request-body", "boolean"),
        Attribute("buffer-response", "boolean", here="idle"),
        Attribute("fail-on-error-status-code", "boolean"),
    ),
)
RETURN = Element(
    "return-response",
    (Attribute("response-variable-name"),),
    (Child(SET_STATUS), Child(SET_HEADER, most=None), Child(SET_BODY)),
)


class Base(Step):
    """Stands for the parent scope's section. The pipeline has already replaced it at the top level of a section."""

    waits = True

    async def wait(self, run: Run) -> None:
        await execute(run.scopes.inherited(self.scope, run.section), run)


class Choose(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._branches = tuple((when.required("condition"), when.steps) for when in parsed.named("when"))
        otherwise = parsed.first("otherwise")
        self._otherwise: tuple[Step, ...] = () if otherwise is None else otherwise.steps
        inner = [step for _, steps in self._branches for step in steps] + list(self._otherwise)
        super().__init__(parsed)
        self.waits = waits_any(inner)
        self.reads = reads_of(condition for condition, _ in self._branches) | reads_of(inner)

    def _branch(self, run: Run) -> Sequence[Step]:
        for condition, steps in self._branches:
            if condition.get(run.context) is True:
                return steps
        return self._otherwise

    def apply(self, run: Run) -> None:
        run_sync(self._branch(run), run)

    async def wait(self, run: Run) -> None:
        await execute(self._branch(run), run)


class Retry(Step):
    """Runs its children once, and again while the condition holds, at most `count` times [PR-retry].

    If a child fails and the condition asks for another attempt, the fault is raised only after the last attempt.
    """

    waits = True

    def __init__(self, parsed: Parsed) -> None:
        self._condition, self._count = parsed.required("condition"), parsed.required("count")
        self._interval, self._delta = parsed.required("interval"), parsed.value("delta")
        self._most, self._fast = parsed.value("max-interval"), parsed.value("first-fast-retry")
        self._steps = parsed.steps
        super().__init__(parsed, self._condition, self._count, self._interval, self._delta, self._most, self._fast)
        self.reads |= reads_of(self._steps)

    async def wait(self, run: Run) -> None:
        count = _integer(self._count, run)
        attempt = 0
        while True:
            fault = await self._attempt(run)
            if attempt >= min(count, MAX_ATTEMPTS) or self._condition.get(run.context) is not True:
                break
            attempt += 1
            await _discard(run.context.response)
            delay = self._delay(run, attempt)
            if delay > 0:
                await run.services.sleep(delay)
        if fault is not None:
            raise fault

    async def _attempt(self, run: Run) -> PolicyFault | None:
        try:
            await execute(self._steps, run)
        except PolicyFault as fault:
            return fault
        return None

    def _delay(self, run: Run, attempt: int) -> float:
        """Return the seconds to wait before this attempt, counted from 1: fixed, linear or exponential."""
        if attempt == 1 and self._fast is not None and self._fast.get(run.context) is True:
            return 0.0
        interval = _number(self._interval, run)
        if self._delta is None:
            return interval
        delta = _number(self._delta, run)
        if self._most is None:
            return interval + (attempt - 1) * delta
        spread = run.services.random.uniform(0.8 * delta, 1.2 * delta)
        grown = interval + 2.0 ** min(attempt - 1, MAX_DOUBLINGS) * spread
        return min(grown, _number(self._most, run))


class SetBackendService(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._url, self._backend = parsed.value("base-url"), parsed.value("backend-id")
        super().__init__(parsed, self._url, self._backend)
        if (self._url is None) == (self._backend is None):
            raise parsed.node.error("Exactly one of 'base-url' and 'backend-id' must be specified.")

    def apply(self, run: Run) -> None:
        context = run.context
        if self._backend is not None:
            run.backend_scope = self.scope
            context.backend, context.base_url = Backend(as_text(self._backend.get(context))), None
        elif self._url is not None and (context.backend is None or run.backend_scope == self.scope):
            # Only a backend-id overrides a backend-id of a broader scope [PR-set-backend-service].
            context.backend = None
            set_base_url(context, as_text(self._url.get(context)), self.name)


class ForwardRequest(Step):
    waits = True

    def __init__(self, parsed: Parsed) -> None:
        self._timeouts = parsed.value("timeout"), parsed.value("timeout-ms")
        self._redirects = parsed.value("follow-redirects")
        self._buffer_request = parsed.flag("buffer-request-body", False)
        self._fail = parsed.flag("fail-on-error-status-code", False)
        values = (*self._timeouts, self._redirects)
        super().__init__(parsed, *values)
        self._fixed: dict[bool, ForwardOptions] = {}
        self._constant = all(value is None or value.constant for value in values)

    async def wait(self, run: Run) -> None:
        reading = run.scopes.reads_response
        options = self._fixed.get(reading) or self._options(run, reading)
        await run.services.forward(run.context, options)
        response = run.context.response
        if self._fail and response is not None and response.status_code >= 400:
            message = f"The backend answered {response.status_code}."
            raise PolicyFault(self.name, "BackendErrorStatusCode", message, response.status_code, answered=True)

    def _options(self, run: Run, reading: bool) -> ForwardOptions:
        seconds, milliseconds = self._timeouts
        timeout = _number(seconds, run) if seconds is not None else 300.0
        options = ForwardOptions(
            timeout_s=timeout if milliseconds is None else _number(milliseconds, run) / 1000,
            follow_redirects=self._redirects is not None and self._redirects.get(run.context) is True,
            buffer_request_body=self._buffer_request,
            read_response_body=reading,
        )
        if self._constant:
            self._fixed[reading] = options
        return options


class ReturnResponse(Step):
    """Answers at once, from any section. A request or response that was about to be sent is dropped."""

    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        self._variable = parsed.literal("response-variable-name") or None
        self._status = [StatusEdit(child) for child in parsed.named("set-status")]
        self._headers = [HeaderEdit(child) for child in parsed.named("set-header")]
        self._bodies = [BodyEdit(child) for child in parsed.named("set-body")]
        self.reads = reads_of((*self._status, *self._headers, *self._bodies))

    def apply(self, run: Run) -> None:
        context = run.context
        response = self._start(run)
        for status in self._status:
            status.apply(response, context)
        for header in self._headers:
            header.apply(response.headers, context)
        for body in self._bodies:
            response.body = body.body(context, response if context.response is None else context.response)
        context.response = response
        raise Finished

    def _start(self, run: Run) -> Response:
        if self._variable is None:
            return Response(200, "OK")
        stored = run.context.variables.get(self._variable)
        if not isinstance(stored, Response):
            return Response(200, "OK")  # public policies name variables that nothing sets, and they still answer
        return Response(stored.status_code, stored.status_reason, stored.headers.copy(), Body(stored.body.data))


def _number(value: Value, run: Run) -> float:
    number = value.get(run.context)
    if not isinstance(number, (int, float)) or number < 0:
        raise PolicyFault("", "ExpressionValueEvaluationFailure", "A number of 0 or more is needed.")
    return float(number)


def _integer(value: Value, run: Run) -> int:
    return int(_number(value, run))


async def _discard(response: Response | None) -> None:
    """Close a body that will not be read, so that its connection is free."""
    close = None if response is None else getattr(response.body.stream, "aclose", None)
    if close is not None:
        await close()


POLICIES = (
    Policy(BASE, ANYWHERE, "D-POL", Base),
    Policy(CHOOSE, ANYWHERE, "PR-choose", Choose),
    Policy(RETRY, ANYWHERE, "PR-retry", Retry),
    Policy(SET_BACKEND, frozenset({"inbound", "backend"}), "PR-set-backend-service", SetBackendService),
    Policy(
        FORWARD,
        frozenset({"backend"}),
        "PR-forward-request",
        ForwardRequest,
        note="calls use HTTP/1.1, without waiting for 100 Continue; bodies are streamed",
    ),
    Policy(RETURN, ANYWHERE, "PR-return-response", ReturnResponse),
)
