"""Converts nodes to checked elements, with the checks of attributes, children, text and places that ARM does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from provision.local.apim.expressions import EvaluationError, ExpressionError
from provision.local.apim.policies.elements import Attribute, Element, Place
from provision.local.apim.policies.faults import Fault, PolicyError
from provision.local.apim.policies.reading import MAX_ELEMENTS, Node, read_xml, replace_named_values
from provision.local.apim.policies.steps import Parsed, Policy, Step
from provision.local.apim.policies.values import (
    Constant,
    Value,
    as_boolean,
    as_integer,
    as_number,
    as_text,
    compile_value,
)
from tripcurve.lab.local_options import LocalOptions

__all__ = ["MAX_FRAGMENT_DEPTH", "ElementReader", "is_expression"]

MAX_FRAGMENT_DEPTH = 5
"""How deep fragments may include fragments."""
MAX_INCLUDES = 200
"""The most fragments in one document."""

_CONVERT: Mapping[str, Callable[[object], object] | None] = {
    "text": as_text,
    "boolean": as_boolean,
    "integer": as_integer,
    "number": as_number,
    "any": None,
}


def is_expression(text: str) -> bool:
    return text.startswith(("@(", "@{"))


class ElementReader:
    """Reads the elements of one document, with its named values and fragments."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        named_values: Mapping[str, str],
        fragments: Mapping[str, Mapping[str, str]],
        options: LocalOptions,
    ) -> None:
        self._policies = policies
        self._named_values = named_values
        self._fragments = fragments
        self._mismatch = options.variable_type_mismatch
        self._including: list[str] = []
        self._steps_made = 0
        self._includes = 0
        self._once: set[tuple[str, str]] = set()

    def steps(self, nodes: Iterable[Node], place: Place) -> tuple[Step, ...]:
        """Return the policies among siblings, with fragments replaced. Raises PolicyError with all faults found."""
        steps: list[Step] = []
        faults: list[Fault] = []
        seen: Counter[str] = Counter()
        for node in nodes:
            seen[node.name] += 1
            inner = f"{place.path}/" if place.path else ""
            here = Place(place.section, place.scope, f"{inner}{node.name}[{seen[node.name]}]")
            try:
                steps += self._included(node, here) if node.name == "include-fragment" else [self._policy(node, here)]
            except PolicyError as error:
                faults += error.faults
        if faults:
            raise PolicyError(faults)
        return tuple(steps)

    def _policy(self, node: Node, place: Place) -> Step:
        policy = self._policies.get(node.name)
        if policy is None:
            raise node.error(f"The policy '{node.name}' does not exist.")
        if place.section not in policy.sections:
            raise node.error(f"The policy is not allowed in section '{place.section}'.")
        if policy.build is None:
            raise node.error(f"The policy '{node.name}' cannot run on the local gateway: {policy.note}")
        self._check_once(policy, node, place)
        self._steps_made += 1
        if self._steps_made > MAX_ELEMENTS:
            raise node.error(f"The document has more than {MAX_ELEMENTS} policies once its fragments are put in.")
        return policy.build(self.read(node, policy.element, place, policy=True))

    def _check_once(self, policy: Policy, node: Node, place: Place) -> None:
        if policy.once and (place.section, policy.name) in self._once:
            raise node.error(f"The policy '{policy.name}' may be used only once in a document.")
        self._once.add((place.section, policy.name))

    def _included(self, node: Node, place: Place) -> tuple[Step, ...]:
        element = self._policies["include-fragment"].element
        name = self.read(node, element, place, policy=True).literal("fragment-id")
        fragment = self._fragment(name)
        self._includes += 1
        if self._includes > MAX_INCLUDES:
            raise node.error(f"More than {MAX_INCLUDES} fragments are included.")
        if fragment is None:
            raise node.error(f"The policy fragment '{name}' does not exist.")
        if name in self._including or len(self._including) >= MAX_FRAGMENT_DEPTH:
            raise node.error(
                f"The policy fragment '{name}' includes itself or is nested deeper than {MAX_FRAGMENT_DEPTH}."
            )
        self._including.append(name)
        try:
            root = read_xml(fragment["value"], raw=fragment.get("format", "xml").startswith("raw"), root="fragment")
            return self.steps(root.children, place)
        finally:
            self._including.pop()

    def _fragment(self, name: str) -> Mapping[str, str] | None:
        """Return a fragment by its id, which is compared without case, like all names in ARM."""
        exact = self._fragments.get(name)
        if exact is not None:
            return exact
        return next((value for id, value in self._fragments.items() if id.lower() == name.lower()), None)

    def read(self, node: Node, element: Element, place: Place, *, policy: bool = False) -> Parsed:
        """Check a node against its description and return the element. Raises PolicyError."""
        values = self._attributes(node, element, policy)
        text = self._text(node, element)
        if element.steps:
            return Parsed(node, element, place, values, text, (), self.steps(node.children, place))
        children = () if element.markup else self._children(node, element, place)
        return Parsed(node, element, place, values, text, children)

    def _attributes(self, node: Node, element: Element, policy: bool) -> dict[str, Value]:
        known = {attribute.name: attribute for attribute in element.attributes}
        if policy:
            known.setdefault("id", Attribute("id"))
        for name in node.attributes:
            if name not in known:
                raise node.error(f"The '{name}' attribute is not declared.")
            if known[name].here == "refused":
                raise node.error(f"The attribute '{name}' cannot run on the local gateway.")
        for attribute in element.attributes:
            if attribute.required and attribute.name not in node.attributes:
                raise node.error(f"The required attribute '{attribute.name}' is missing.")
        return {name: self._attribute(node, known[name], text) for name, text in node.attributes.items()}

    def _attribute(self, node: Node, attribute: Attribute, text: str) -> Value:
        text = replace_named_values(text, self._named_values, node)
        stripped = text.strip()
        if is_expression(stripped):
            if not attribute.expression:
                raise node.error(f"Policy expressions are not allowed in attribute '{attribute.name}'.")
            return self._expression(node, stripped, _CONVERT[attribute.kind])
        if attribute.choices and stripped not in attribute.choices:
            allowed = ", ".join(attribute.choices)
            raise node.error(
                f"The '{attribute.name}' attribute is invalid - the value '{text}' is not one of {allowed}."
            )
        return self._constant(node, attribute, text)

    def _constant(self, node: Node, attribute: Attribute, text: str) -> Constant:
        convert = _CONVERT[attribute.kind]
        if convert is None or attribute.kind == "text":
            return Constant(text)
        try:
            value = convert(text.strip())
        except EvaluationError as error:
            raise node.error(f"The '{attribute.name}' attribute is invalid - {error}") from error
        if isinstance(value, (int, float)) and not _within(value, attribute):
            raise node.error(f"The '{attribute.name}' attribute is invalid - {text} is {_bounds(attribute)}.")
        return Constant(value)

    def _text(self, node: Node, element: Element) -> Value | None:
        lenient = node.attributes.get("template") == "liquid"
        source = node.markup if element.markup and node.children else node.text
        text = replace_named_values(source, self._named_values, node, lenient=lenient)
        stripped = text.strip()
        if not stripped:
            return None
        if element.text == "none":
            raise node.error(f"The element '{node.name}' cannot contain text.")
        if not is_expression(stripped):
            return Constant(text if element.keep_space else stripped)
        if element.text == "literal":
            raise node.error(f"Policy expressions are not allowed in the text of '{node.name}'.")
        return self._expression(node, stripped, None if element.keep_space else as_text)

    def _expression(self, node: Node, text: str, convert: Callable[[object], object] | None) -> Value:
        try:
            return compile_value(text, convert, self._mismatch)
        except ExpressionError as error:
            raise node.error(f"{error} (in the policy expression, line {error.line}, column {error.column})") from error

    def _children(self, node: Node, element: Element, place: Place) -> tuple[Parsed, ...]:
        known = {child.element.name: child for child in element.children}
        order = list(known)
        counts: Counter[str] = Counter()
        reached = 0
        parsed: list[Parsed] = []
        for child_node in node.children:
            child = known.get(child_node.name)
            at = order.index(child_node.name) if child is not None else -1
            if child is None or (element.ordered and at < reached):
                raise _unexpected(node, child_node, order[reached:] if element.ordered else order)
            if child.element.refused:
                raise child_node.error(f"'{child_node.name}' inside '{node.name}' cannot run on the local gateway.")
            reached = max(reached, at)
            counts[child_node.name] += 1
            if child.most is not None and counts[child_node.name] > child.most:
                raise child_node.error(
                    f"The element '{child_node.name}' may stand in '{node.name}' only {child.most} time."
                )
            inner = Place(place.section, place.scope, f"{place.path}/{child_node.name}[{counts[child_node.name]}]")
            parsed.append(self.read(child_node, child.element, inner))
        _check_least(node, element, counts)
        return tuple(parsed)


def _check_least(node: Node, element: Element, counts: Counter[str]) -> None:
    missing = [child.element.name for child in element.children if counts[child.element.name] < child.least]
    if missing:
        raise node.error(
            f"The element '{node.name}' has incomplete content. "
            f"List of possible elements expected: '{', '.join(missing)}'."
        )


def _unexpected(node: Node, child: Node, expected: list[str]) -> PolicyError:
    tail = f" List of possible elements expected: '{', '.join(expected)}'." if expected else ""
    return child.error(f"The element '{node.name}' has invalid child element '{child.name}'.{tail}", target=node.name)


def _within(value: float, attribute: Attribute) -> bool:
    low = attribute.least is None or value >= attribute.least
    return low and (attribute.most is None or value <= attribute.most)


def _bounds(attribute: Attribute) -> str:
    parts = [] if attribute.least is None else [f"at least {attribute.least:g}"]
    parts += [] if attribute.most is None else [f"at most {attribute.most:g}"]
    return "not " + " and ".join(parts)
