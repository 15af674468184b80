"""How a policy element is described: its attributes, children, text and places.

The descriptions drive everything: reading, the checks ARM does on save, and the reference in docs/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ANYWHERE", "SECTIONS", "Attribute", "Child", "Element", "Place", "Status"]

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
