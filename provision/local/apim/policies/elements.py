"""How a policy element is described: its attributes, children, text and places.

The descriptions drive everything: reading, the checks ARM does on save, and the reference in docs/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from provision.local.apim.policies.values import Constant, Value

if TYPE_CHECKING:
    from provision.local.apim.policies.reading import Node
    from provision.local.apim.policies.steps import Step

__all__ = ["ANYWHERE", "SECTIONS", "Attribute", "Child", "Element", "Parsed", "Place", "Policy", "Status"]

SECTIONS = ("inbound", "backend", "outbound", "on-error")
ANYWHERE = frozenset(SECTIONS)

Kind = Literal["text", "boolean", "integer", "number", "any"]
Status = Literal["runs", "recorded", "refused"]
Here = Literal["acts", "idle", "refused"]
"""What an attribute does on the local gateway: what it does on Azure, nothing, or make the document refused."""


@dataclass(frozen=True)
class Attribute:
    """An attribute: what it holds, whether it must be there and whether it may be an expression."""

    name: str
    kind: Kind = "text"
    required: bool = False
    expression: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    here: Here = "acts"


@dataclass(frozen=True)
class Element:
    """An element that only makes sense inside its parent, such as `value` in set-header.

    `text`: whether it has text, and whether that may be an expression. `steps`: it holds policies.
    `ordered`: its children must come in the order in which they are listed here. `markup`: elements
    inside it are text like any other (a SOAP body). `refused`: known, but a document with it cannot run here.
    """

    name: str
    attributes: tuple[Attribute, ...] = ()
    children: tuple[Child, ...] = ()
    text: Literal["none", "literal", "expression"] = "none"
    steps: bool = False
    ordered: bool = False
    keep_space: bool = False
    markup: bool = False
    refused: bool = False


@dataclass(frozen=True)
class Child:
    """An element that may stand in another, and how often. `most` None: any number."""

    element: Element
    least: int = 0
    most: int | None = 1


@dataclass(frozen=True)
class Place:
    """Where a policy is being built: decides whether it acts on the request or the response."""

    section: str
    scope: str
    path: str

    @property
    def on_request(self) -> bool:
        return self.section in ("inbound", "backend")


@dataclass(frozen=True)
class Parsed:
    """An element that was read and checked; values are constants or expressions."""

    node: Node
    element: Element
    place: Place
    values: dict[str, Value] = field(default_factory=dict)
    text: Value | None = None
    children: tuple[Parsed, ...] = ()
    steps: tuple[Step, ...] = ()

    def value(self, name: str) -> Value | None:
        """An attribute's value; None when it is absent."""
        return self.values.get(name)

    def required(self, name: str) -> Value:
        return self.values[name]

    def literal(self, name: str, default: str = "") -> str:
        """The text of an attribute that may not be an expression, or the default."""
        value = self.values.get(name)
        return str(value.value) if isinstance(value, Constant) else default

    def number(self, name: str) -> float | None:
        """The number in an attribute that may not be an expression; None when it is absent."""
        value = self.values.get(name)
        return value.value if isinstance(value, Constant) and isinstance(value.value, (int, float)) else None

    def flag(self, name: str, default: bool) -> bool:
        """The truth of an attribute that may not be an expression, or the default."""
        value = self.values.get(name)
        return value.value is True if isinstance(value, Constant) else default

    def named(self, name: str) -> list[Parsed]:
        return [child for child in self.children if child.element.name == name]

    def first(self, name: str) -> Parsed | None:
        return next(iter(self.named(name)), None)


@dataclass(frozen=True)
class Policy:
    """A policy: its element, where it may stand, and how it is made into a step.

    `fact` is what its behaviour here rests on; `status` "recorded" marks telemetry that is kept for
    the run to show, "refused" one that cannot run here, for the reason in `note`.
    """

    element: Element
    sections: frozenset[str]
    stage: str
    fact: str
    build: Callable[[Parsed], Step] | None
    status: Status = "runs"
    note: str = ""
    once: bool = False

    @property
    def name(self) -> str:
        return self.element.name
