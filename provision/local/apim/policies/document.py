"""A policy document, compiled once when it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provision.local.apim.policies.catalogue import POLICIES
from provision.local.apim.policies.elements import SECTIONS, Place
from provision.local.apim.policies.faults import Fault, PolicyError
from provision.local.apim.policies.reader import ElementReader
from provision.local.apim.policies.reading import Node, read_xml
from provision.local.apim.policies.steps import Step, reads_of
from tripcurve.lab.local_options import LocalOptions

__all__ = ["DEFAULT_GLOBAL", "Document", "check_fragment", "compile_document"]

DEFAULT_GLOBAL = """<policies>
    <inbound />
    <backend>
        <forward-request />
    </backend>
    <outbound />
    <on-error />
</policies>
"""
"""The policy of a new service at global scope [PR-forward-request]."""

FORMATS = ("xml", "rawxml")


@dataclass(frozen=True, slots=True)
class Document:
    """The steps of each section. A section that the document leaves out is absent here, and is inherited."""

    scope: str
    sections: Mapping[str, tuple[Step, ...]]
    reads: frozenset[str]


def compile_document(
    value: str,
    *,
    format: str = "xml",
    scope: str = "api",
    named_values: Mapping[str, str] | None = None,
    fragments: Mapping[str, Mapping[str, str]] | None = None,
    options: LocalOptions | None = None,
) -> Document:
    """Read, check and compile a document. Raises PolicyError with all faults found.

    `format` is xml or rawxml; the caller has to fetch a link. `scope` is global, product, api or operation. `fragments`
    maps ids to `{"format", "value"}`.
    """
    if format not in FORMATS:
        raise ValueError(f"policy format {format!r} is not one of {', '.join(FORMATS)}")
    root = read_xml(value, raw=format == "rawxml", root="policies")
    reader = ElementReader(POLICIES, named_values or {}, fragments or {}, options or LocalOptions())
    sections = _sections(root, reader, scope)
    return Document(scope, sections, frozenset().union(*(reads_of(steps) for steps in sections.values())))


def check_fragment(
    value: str,
    *,
    format: str = "xml",
    named_values: Mapping[str, str] | None = None,
    fragments: Mapping[str, Mapping[str, str]] | None = None,
    options: LocalOptions | None = None,
) -> None:
    """Check a fragment alone, as ARM does when it is stored. Raises PolicyError.

    Whether its policies are allowed in a section is known only where it is included, so here each is allowed.
    """
    root = read_xml(value, raw=format == "rawxml", root="fragment")
    reader = ElementReader(POLICIES, named_values or {}, fragments or {}, options or LocalOptions())
    failures = [error for section in SECTIONS if (error := _failure(reader, root, section)) is not None]
    if len(failures) == len(SECTIONS):
        raise min(failures, key=lambda error: len(error.faults))


def _failure(reader: ElementReader, root: Node, section: str) -> PolicyError | None:
    try:
        reader.steps(root.children, Place(section, "fragment", ""))
    except PolicyError as error:
        return error
    return None


def _sections(root: Node, reader: ElementReader, scope: str) -> dict[str, tuple[Step, ...]]:
    sections: dict[str, tuple[Step, ...]] = {}
    faults: list[Fault] = []
    for node in root.children:
        try:
            _check_section(node, sections)
            sections[node.name] = ()
            sections[node.name] = reader.steps(node.children, Place(node.name, scope, ""))
        except PolicyError as error:
            faults += error.faults
    if root.attributes or root.text.strip():
        faults += root.error("The element 'policies' has neither attributes nor text.").faults
    if faults:
        raise PolicyError(faults)
    return sections


def _check_section(node: Node, sections: Mapping[str, object]) -> None:
    if node.name not in SECTIONS:
        expected = f"List of possible elements expected: '{', '.join(SECTIONS)}'."
        reason = f"The element 'policies' has invalid child element '{node.name}'. {expected}"
        raise node.error(reason, target="policies")
    if node.name in sections:
        raise node.error(f"The section '{node.name}' may stand only once in a document.")
    if node.attributes or node.text.strip():
        raise node.error(f"The section '{node.name}' has neither attributes nor text.")
    if node.name == "backend" and len(node.children) > 1:
        raise node.error("backend section allows only one policy to be specified")
