"""The documents of all scopes joined, and the path of a request through them [D-POL] [D-ERR]."""

from __future__ import annotations

from collections.abc import Sequence

from provision.local.apim.context import LastError, PolicyContext, Response
from provision.local.apim.policies.answers import error_response, internal_error
from provision.local.apim.policies.document import Document
from provision.local.apim.policies.elements import SECTIONS
from provision.local.apim.policies.routing import Base
from provision.local.apim.policies.steps import Finished, Run, Step, execute, reads_of
from provision.local.apim.services import PolicyFault, Services

__all__ = ["Pipeline"]


class Pipeline:
    """The documents that apply to a request, from the broadest scope to the narrowest.

    `reads` names the bodies that policies read, so that the gateway can complete them first.
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
        """Return the steps that `base` means in a section of one scope."""
        return self._inherited.get((scope, section), ())

    async def run(self, context: PolicyContext, services: Services) -> None:
        """Run the sections for a request. Afterwards the answer is in `context.response`."""
        run = Run(context, services, self)
        try:
            await self._pass(context, run)
            run.finish()
        finally:
            run.let_go()

    async def _pass(self, context: PolicyContext, run: Run) -> None:
        try:
            await execute(self._inbound, run)
            run.section = "backend"
            await self._call_backend(run)
            run.section = "outbound"
            run.look_at_answer()
            if context.response is None:
                context.response = Response(200, "OK")  # continue with outbound [PR-forward-request]
            await execute(self._outbound, run)
        except Finished:
            pass
        except PolicyFault as fault:
            await self._fail(run, fault)

    async def _call_backend(self, run: Run) -> None:
        """Run the backend section. If the options say so, outbound handles the answer of an open breaker."""
        try:
            await execute(self._backend, run)
        except PolicyFault as fault:
            if not fault.outbound:
                raise

    async def reject(self, context: PolicyContext, services: Services, fault: PolicyFault) -> None:
        """Answer a request that the gateway itself refuses (no key, no such operation): only on-error runs."""
        await self._fail(Run(context, services, self), fault)

    def preflight(self, context: PolicyContext, services: Services) -> bool:
        """Let only cors answer a preflight request, which has no key [PR-cors]. Returns False if no policy answered."""
        run = Run(context, services, self)
        for step in self._inbound:
            if step.name == "cors":
                try:
                    step.apply(run)
                except Finished:
                    return True
        return False

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
    """Set the context.Response that on-error sees. A failed call to the backend has already set it."""
    if fault.response is not None:
        context.response = fault.response
    elif fault.status is not None and fault.status != 500 and not fault.answered:
        context.response = error_response(fault.status, fault.message)
    elif not fault.answered:
        context.response = internal_error(context)
    if context.response is not None:
        for name, value in fault.headers:
            context.response.headers.replace(name, [value])
