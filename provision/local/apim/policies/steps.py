"""Compiled policies and how a list of them is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from provision.local.apim.context import PolicyContext, Request, Response
from provision.local.apim.policies.elements import Parsed
from provision.local.apim.policies.values import Value
from provision.local.apim.services import PolicyFault, Services

if TYPE_CHECKING:
    from provision.local.apim.policies.pipeline import Pipeline

__all__ = ["Finished", "Run", "Step", "execute", "reads_of", "run_sync", "waits_any"]


class Finished(Exception):
    """The answer is complete: no further policy of any section runs (return-response)."""


class Run:
    """One request on its way through a pipeline."""

    __slots__ = (
        *("_answered", "_later", "backend_scope", "cache_key", "context"),
        *("pipeline", "section", "semantic", "services"),
    )

    def __init__(self, context: PolicyContext, services: Services, pipeline: Pipeline) -> None:
        self.context, self.services, self.pipeline = context, services, pipeline
        self.section = "inbound"
        self.backend_scope: str | None = None
        self.cache_key: tuple[object, ...] | None = None
        self.semantic: tuple[tuple[object, ...], tuple[float, ...]] | None = None
        self._answered: list[Callable[[], None]] | None = None
        self._later: list[Callable[[], None]] | None = None

    def message(self) -> Request | Response:
        """What set-header and set-body act on in this section. Raises PolicyFault if there is none."""
        if self.section in ("inbound", "backend"):
            return self.context.request
        if self.context.response is None:
            raise PolicyFault("pipeline", "ResponseMissing", "There is no response to work on.")
        return self.context.response

    def answered(self, action: Callable[[], None]) -> None:
        """Have something done with the backend's answer before outbound changes it."""
        if self._answered is None:
            self._answered = []
        self._answered.append(action)

    def look_at_answer(self) -> None:
        for action in self._answered or ():
            action()

    def later(self, action: Callable[[], None]) -> None:
        """Have something done once the answer is known: counters that wait for it."""
        if self._later is None:
            self._later = []
        self._later.append(action)

    def finish(self) -> None:
        for action in self._later or ():
            action()

    def let_go(self) -> None:
        """Forget what was to be done: such actions know this run, and it would wait for the garbage collector."""
        self._answered = self._later = None


class Step:
    """One compiled policy. `waits` says which of `apply` and `wait` runs it.

    `reads` names the bodies its expressions need: "request.body", "response.body".
    """

    waits = False

    def __init__(self, parsed: Parsed, *values: Value | None) -> None:
        place = parsed.place
        self.name = parsed.element.name
        self.scope, self.path = place.scope, place.path
        self.policy_id = parsed.literal("id") or None
        self.reads: frozenset[str] = reads_of(values)

    def apply(self, run: Run) -> None:
        raise TypeError(f"{self.name} has to be awaited")

    async def wait(self, run: Run) -> None:
        self.apply(run)

    def fault(self, reason: str, message: str, status: int | None = None) -> PolicyFault:
        return PolicyFault(self.name, reason, message, status)

    def locate(self, fault: PolicyFault, section: str) -> None:
        """Note where the fault came from, unless a step within this one already did."""
        if not fault.located:
            fault.scope, fault.section, fault.path, fault.policy_id = self.scope, section, self.path, self.policy_id
            fault.source = fault.source or self.name


async def execute(steps: Sequence[Step], run: Run) -> None:
    """Run steps in order; those that need not wait cost no await."""
    for step in steps:
        try:
            if step.waits:
                await step.wait(run)
            else:
                step.apply(run)
        except PolicyFault as fault:
            step.locate(fault, run.section)
            raise


def run_sync(steps: Sequence[Step], run: Run) -> None:
    """Run steps none of which waits."""
    for step in steps:
        try:
            step.apply(run)
        except PolicyFault as fault:
            step.locate(fault, run.section)
            raise


def waits_any(steps: Iterable[Step]) -> bool:
    return any(step.waits for step in steps)


class Reader(Protocol):
    """Anything that knows which bodies it looks into."""

    @property
    def reads(self) -> frozenset[str]: ...


def reads_of(parts: Iterable[Reader | None]) -> frozenset[str]:
    """The bodies that any of these needs."""
    return frozenset().union(*(part.reads for part in parts if part is not None))
