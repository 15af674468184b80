"""Compiled policies, and how a list of them is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from provision.local.apim.context import PolicyContext, Request, Response
from provision.local.apim.policies.elements import Element, Place, Status
from provision.local.apim.policies.reading import Node
from provision.local.apim.policies.values import Constant, Value
from provision.local.apim.services import PolicyFault, Services

__all__ = ["Finished", "Parsed", "Policy", "Run", "Step", "execute", "reads_of", "run_sync", "waits_any"]


class Finished(Exception):
    """Raised when the answer is complete: no further policy of any section runs (return-response)."""


class Scopes(Protocol):
    """The documents of all scopes that apply to a request, as its policies see them."""

    reads_response: bool
    """Whether any policy reads the response's body."""

    def inherited(self, scope: str, section: str) -> tuple[Step, ...]:
        """Return the steps that `base` means in a section of one scope."""
        ...


class Run:
    """One request on its way through a pipeline."""

    __slots__ = (
        *("_answered", "_later", "backend_scope", "cache_key", "context"),
        *("scopes", "section", "semantic", "services"),
    )

    def __init__(self, context: PolicyContext, services: Services, scopes: Scopes) -> None:
        self.context, self.services, self.scopes = context, services, scopes
        self.section = "inbound"
        self.backend_scope: str | None = None
        self.cache_key: tuple[object, ...] | None = None
        self.semantic: tuple[tuple[object, ...], tuple[float, ...]] | None = None
        self._answered: list[Callable[[], None]] | None = None
        self._later: list[Callable[[], None]] | None = None

    def message(self) -> Request | Response:
        """The message that set-header and set-body change in this section. Raises PolicyFault if there is none."""
        if self.section in ("inbound", "backend"):
            return self.context.request
        if self.context.response is None:
            raise PolicyFault("pipeline", "ResponseMissing", "There is no response to work on.")
        return self.context.response

    def answered(self, action: Callable[[], None]) -> None:
        """Call `action` on the backend's response before outbound changes it."""
        if self._answered is None:
            self._answered = []
        self._answered.append(action)

    def look_at_answer(self) -> None:
        for action in self._answered or ():
            action()

    def later(self, action: Callable[[], None]) -> None:
        """Call `action` once the answer is known, as counters need."""
        if self._later is None:
            self._later = []
        self._later.append(action)

    def finish(self) -> None:
        for action in self._later or ():
            action()

    def let_go(self) -> None:
        """Drop the actions. They refer to this run, which would otherwise wait for the garbage collector."""
        self._answered = self._later = None


@dataclass(frozen=True)
class Parsed:
    """An element that has been read and checked. Values are constants or expressions."""

    node: Node
    element: Element
    place: Place
    values: dict[str, Value] = field(default_factory=dict)
    text: Value | None = None
    children: tuple[Parsed, ...] = ()
    steps: tuple[Step, ...] = ()

    def value(self, name: str) -> Value | None:
        """Return an attribute's value, or None if it is absent."""
        return self.values.get(name)

    def required(self, name: str) -> Value:
        return self.values[name]

    def literal(self, name: str, default: str = "") -> str:
        """Return the text of an attribute that may not be an expression, or the default."""
        value = self.values.get(name)
        return str(value.value) if isinstance(value, Constant) else default

    def number(self, name: str) -> float | None:
        """Return the number in an attribute that may not be an expression, or None if it is absent."""
        value = self.values.get(name)
        return value.value if isinstance(value, Constant) and isinstance(value.value, (int, float)) else None

    def flag(self, name: str, default: bool) -> bool:
        """Return the truth value of an attribute that may not be an expression, or the default."""
        value = self.values.get(name)
        return value.value is True if isinstance(value, Constant) else default

    def named(self, name: str) -> list[Parsed]:
        return [child for child in self.children if child.element.name == name]

    def first(self, name: str) -> Parsed | None:
        return next(iter(self.named(name)), None)


class Step:
    """One compiled policy. `waits` says which of `apply` and `wait` runs it.

    `reads` names the bodies that its expressions need: "request.body", "response.body".
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
        """Add the policy's place to a fault, unless a step inside this one already has."""
        if not fault.located:
            fault.scope, fault.section, fault.path, fault.policy_id = self.scope, section, self.path, self.policy_id
            fault.source = fault.source or self.name


@dataclass(frozen=True)
class Policy:
    """A policy: its element, the sections where it is allowed, and how it becomes a step.

    `fact` is the source of its behaviour here. `status` "recorded" marks telemetry that is logged for the run, and
    "refused" a policy that cannot run here, for the reason in `note`.
    """

    element: Element
    sections: frozenset[str]
    fact: str
    build: Callable[[Parsed], Step] | None
    status: Status = "runs"
    note: str = ""
    once: bool = False

    @property
    def name(self) -> str:
        return self.element.name


async def execute(steps: Sequence[Step], run: Run) -> None:
    """Run steps in order. Those that need not wait cost no await."""
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
    """Run steps of which none waits."""
    for step in steps:
        try:
            step.apply(run)
        except PolicyFault as fault:
            step.locate(fault, run.section)
            raise


def waits_any(steps: Iterable[Step]) -> bool:
    return any(step.waits for step in steps)


class Reader(Protocol):
    """Anything that knows which bodies it reads."""

    @property
    def reads(self) -> frozenset[str]: ...


def reads_of(parts: Iterable[Reader | None]) -> frozenset[str]:
    """Return the bodies that any of these reads."""
    return frozenset().union(*(part.reads for part in parts if part is not None))
