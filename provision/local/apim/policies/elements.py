"""Descriptions of policy elements: their attributes, children, text, and the places where they are allowed.

Reading, the checks that ARM does when a document is stored, and the reference in docs/ all use them.
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
"""The effect of an attribute on the local gateway: the same as on Azure, none, or that the document is refused."""


@dataclass(frozen=True)
class Attribute:
    """An attribute: its values, whether it is required, and whether it may be an expression."""

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
    """An element that is meaningful only inside its parent, such as `value` in set-header.

    `text`: whether it has text, and whether the text may be an expression. `steps`: it contains policies. `ordered`:
    its children must be in the order in which they are listed here. `markup`: elements inside it are text (a SOAP
    body). `refused`: known, but a document with it cannot run here.
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
    """An element that may occur in another, and how often. `most` None: any number."""

    element: Element
    least: int = 0
    most: int | None = 1


@dataclass(frozen=True)
class Place:
    """The place where a policy is built, which decides whether it acts on the request or the response."""

    section: str
    scope: str
    path: str

    @property
    def on_request(self) -> bool:
        return self.section in ("inbound", "backend")
