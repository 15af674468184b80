"""Documents of every scope joined, and a request's way through them (facts 4.1 and 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from provision.local.gateway.context import Body, Headers, LastError, PolicyContext, Response
from provision.local.gateway.policies.document import Document
from provision.local.gateway.policies.elements import SECTIONS
from provision.local.gateway.policies.routing import Base
from provision.local.gateway.policies.steps import Finished, Run, Step, execute, reads_of
from provision.local.gateway.services import PolicyFault, Services

__all__ = ["Pipeline", "error_response", "internal_error"]

REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
REASONS |= {408: "Request Timeout", 413: "Payload Too Large", 429: "Too Many Requests", 431: "Headers Too Large"}
REASONS |= {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")


def error_response(status: int, message: str) -> Response:
    """The gateway's own JSON answer, blanks and all (facts 3.2)."""
    body = f'{{ "statusCode": {status}, "message": "{_quoted(message)}" }}'.encode()
    headers = Headers([("Content-Type", "application/json")])
    return Response(status, REASONS.get(status, ""), headers, Body(body))


def internal_error(context: PolicyContext) -> Response:
    """The 500 of an error that nobody handled, with the request's id (facts 3.2)."""
    text = f'{{ "statusCode": 500, "message": "Internal server error", "activityId": "{context.request_id}" }}'
    headers = Headers([("Content-Type", "application/json")])
    return Response(500, "Internal Server Error", headers, Body(text.encode()))


class Pipeline:
    """The documents that apply to a request, from the broadest scope to the narrowest.

    `reads` says which bodies policies look into, so that the gateway has them whole beforehand.
    """

    def __init__(self, documents: Sequence[Document | None]) -> None:
        self._inherited: dict[tuple[str, str], tuple[Step, ...]] = {}
        sections = {
            section: self._flatten([doc for doc in documents if doc is not None], section) for section in SECTIONS
        }
        self._inbound, self._backend = sections["inbound"], sections["backend"]
        self._outbound, self._on_error = sections["outbound"], sections["on-error"]
        self.reads = reads_of(step for steps in sections.values() for step in steps)
        self.reads_response = "response.body" in self.reads

    def _flatten(self, documents: Sequence[Document], section: str) -> tuple[Step, ...]:
        steps: tuple[Step, ...] = ()
        for document in documents:
            own = document.sections.get(section)
            if own is None:
                continue
            self._inherited[document.scope, section] = steps
            steps = tuple(part for step in own for part in (steps if isinstance(step, Base) else (step,)))
        return steps

    def inherited(self, scope: str, section: str) -> tuple[Step, ...]:
        """What `base` stands for in a section of one scope."""
        return self._inherited.get((scope, section), ())

    async def run(self, context: PolicyContext, services: Services) -> None:
        """Take a request through its sections; the answer is in `context.response`."""
        run = Run(context, services, self)
        try:
            await execute(self._inbound, run)
            run.section = "backend"
            await execute(self._backend, run)
            run.section = "outbound"
            await execute(self._outbound, run)
        except Finished:
            pass
        except PolicyFault as fault:
            await self._fail(run, fault)
        if context.response is None:
            context.response = Response(200, "OK")
        run.finish()

    async def reject(self, context: PolicyContext, services: Services, fault: PolicyFault) -> None:
        """Answer a request that the gateway itself refuses (no key, no such operation): on-error alone runs."""
        await self._fail(Run(context, services, self), fault)

    async def _fail(self, run: Run, fault: PolicyFault) -> None:
        context = run.context
        section = fault.section if fault.section is not None else run.section
        context.last_error = LastError(
            fault.source, fault.reason, fault.message, fault.scope, section, fault.path, fault.policy_id
        )
        _set_error_response(context, fault)
        run.section = "on-error"
        try:
            await execute(self._on_error, run)
        except Finished:
            return
        except PolicyFault:
            context.response = internal_error(context)
        if context.response is None:
            context.response = internal_error(context)


def _set_error_response(context: PolicyContext, fault: PolicyFault) -> None:
    """What on-error sees as context.Response. A failed call to the backend has said so itself."""
    if fault.response is not None:
        context.response = fault.response
    elif fault.status is not None and fault.status != 500 and not fault.answered:
        context.response = error_response(fault.status, fault.message)
    elif not fault.answered:
        context.response = internal_error(context)
    if context.response is not None:
        for name, value in fault.headers:
            context.response.headers.replace(name, [value])
