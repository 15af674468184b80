"""Registers XDocument, XElement and XAttribute, which parse and build XML without entities, DTDs or the network."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.basic import enumeration
from provision.local.apim.expressions.library.context_ import BODY_READERS
from provision.local.apim.expressions.library.strings import null_argument
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.limits import checked_length
from provision.local.apim.expressions.runtime.casts import EXPLICIT, IMPLICIT
from provision.local.apim.expressions.runtime.frame import charge
from provision.local.apim.expressions.runtime.operators import OVERLOADS
from provision.local.apim.expressions.runtime.text import FORMATTERS, NEWLINE, to_text
from provision.local.apim.expressions.runtime.values import EnumValue, Sequence

__all__: list[str] = []

_SPACE = "System.Xml.Linq"


@dataclass(slots=True, frozen=True, eq=False)
class Element:
    node: etree._Element


@dataclass(slots=True, frozen=True, eq=False)
class Document:
    root: Element


@dataclass(slots=True, frozen=True)
class Attribute:
    name: str
    value: str


@dataclass(slots=True, frozen=True)
class Name:
    """An XName: `{namespace}local`."""

    text: str


@dataclass(slots=True, frozen=True)
class Namespace:
    uri: str


NODE = Table("XNode", (), _SPACE, ("XContainer", "XObject"), bases=("object",))
DOCUMENT = Table("XDocument", (Document,), _SPACE, bases=("XNode",))
ELEMENT = Table("XElement", (Element,), _SPACE, bases=("XNode",))
ATTRIBUTE = Table("XAttribute", (Attribute,), _SPACE, bases=("object",))
NAME = Table("XName", (Name,), _SPACE, bases=("object",))
NAMESPACE = Table("XNamespace", (Namespace,), _SPACE, bases=("object",))


def _parse(text: str | None) -> etree._Element:
    if text is None:
        raise null_argument("text")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as failure:
        raise Thrown("XmlException", str(failure)) from failure
    if "<!DOCTYPE" in text:
        raise Thrown("XmlException", "For security reasons DTD is prohibited in this XML document.")
    charge(sum(1 for _ in root.iter()))
    return root


_NAME = re.compile(r"(?:\{[^{}\s]*\})?[^\W\d][\w.\-]*")


def _tag(name: object) -> str:
    text = name.text if isinstance(name, Name) else to_text(name)
    if _NAME.fullmatch(text) is None:
        raise Thrown("XmlException", f"'{text[:80]}' is not a valid name.")
    return text


def _elements(node: etree._Element, name: object) -> Sequence:
    found = [Element(one) for one in node if isinstance(one.tag, str)]
    return Sequence(one for one in found if name is None or one.node.tag == _tag(name))


@DOCUMENT.member("static XDocument Parse(string text)", source="5.6")
def parse_document(text: str | None) -> Document:
    return Document(Element(_parse(text)))


ELEMENT.member("static XElement Parse(string text)")(lambda text: Element(_parse(text)))
BODY_READERS["XDocument"] = parse_document
BODY_READERS["XElement"] = lambda text: Element(_parse(text))
DOCUMENT.member("XElement Root")(lambda document: document.root)


@NODE.member("XElement Element(XName|string name)", source="5.5")
def element(node: Document | Element, name: object) -> Element | None:
    if isinstance(node, Document):
        return node.root if node.root.node.tag == _tag(name) else None
    found = _elements(node.node, name)
    return next((one for one in found if isinstance(one, Element)), None)


@NODE.member("IEnumerable<XElement> Elements(XName|string name?)")
def elements(node: Document | Element, name: object = None) -> Sequence:
    if isinstance(node, Document):
        return Sequence([node.root] if name is None or node.root.node.tag == _tag(name) else [])
    return _elements(node.node, name)


def _first_node(node: Document | Element) -> object:
    """Return the first child: the text before the first element if there is any, else that element."""
    if isinstance(node, Document):
        return node.root
    text = (node.node.text or "").strip()
    return text or next(iter(_elements(node.node, None)), None)


NODE.member("object FirstNode")(_first_node)
NODE.member("IEnumerable<XElement> Nodes()")(lambda node: elements(node))


@NODE.member("IEnumerable<XElement> Descendants(XName|string name?)")
def descendants(node: Document | Element, name: object = None) -> Sequence:
    top = node.root.node if isinstance(node, Document) else node.node
    every = [one for one in top.iter() if isinstance(one.tag, str) and (isinstance(node, Document) or one is not top)]
    charge(len(every))
    return Sequence(Element(one) for one in every if name is None or one.tag == _tag(name))


def _value(one: Element) -> str:
    return checked("".join(str(part) for part in one.node.itertext()))


def checked(text: str) -> str:
    checked_length(len(text))
    return text


ELEMENT.member("string Value")(_value)
ELEMENT.member("XName Name")(lambda one: Name(str(one.node.tag)))
ELEMENT.member("bool HasElements")(lambda one: len(one.node) > 0)
ELEMENT.member("XElement Parent")(lambda one: None if one.node.getparent() is None else Element(one.node.getparent()))


def _set_value(one: Element, value: object) -> None:
    for child in list(one.node):
        one.node.remove(child)
    one.node.text = None
    _append_text(one.node, to_text(value))


def _remove(one: Element) -> None:
    owner = one.node.getparent()
    if owner is None:
        raise Thrown("InvalidOperationException", "The parent is missing.")
    owner.remove(one.node)


def _set_attribute(one: Element, name: object, value: object) -> None:
    if value is None and _tag(name) in one.node.attrib:
        del one.node.attrib[_tag(name)]
    elif value is not None:
        one.node.set(_tag(name), _valid(to_text(value)))


ELEMENT.setters["Value"] = _set_value
ELEMENT.member("void SetValue(object value)")(_set_value)
ELEMENT.member("void Remove()")(_remove)
ELEMENT.member("void SetAttributeValue(XName|string name, object value)")(_set_attribute)


@ELEMENT.member("XAttribute Attribute(XName|string name)")
def attribute(one: Element, name: object) -> Attribute | None:
    found = one.node.get(_tag(name))
    return None if found is None else Attribute(_tag(name), found)


@ELEMENT.member("IEnumerable<XAttribute> Attributes()")
def attributes(one: Element) -> Sequence:
    return Sequence(Attribute(str(name), str(value)) for name, value in one.node.attrib.items())


@ELEMENT.member("void Add(params object[] content)")
def add(one: Element, *content: object) -> None:
    for part in content:
        for single in part if isinstance(part, list) else [part]:
            _add(one.node, single)


@ELEMENT.member("void AddFirst(XElement content)")
def add_first(one: Element, content: Element) -> None:
    charge(sum(1 for _ in content.node.iter()))
    one.node.insert(0, etree.fromstring(etree.tostring(content.node, with_tail=False)))


def _add(node: etree._Element, part: object) -> None:
    charge(1)
    if isinstance(part, Attribute):
        node.set(part.name, _valid(part.value))
    elif isinstance(part, Element):
        copy = etree.fromstring(etree.tostring(part.node, with_tail=False))
        charge(sum(1 for _ in copy.iter()))
        node.append(copy)
    else:
        _append_text(node, to_text(part))


_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _valid(text: str) -> str:
    if _FORBIDDEN.search(text):
        raise Thrown("ArgumentException", "The text has a character that XML cannot hold.")
    return text


def _append_text(node: etree._Element, text: str) -> None:
    if len(node):
        node[-1].tail = (node[-1].tail or "") + _valid(text)
    else:
        node.text = (node.text or "") + _valid(text)


@ELEMENT.member("new(XName|string name, params object[] content)")
def new_element(name: object, *content: object) -> Element:
    try:
        made = Element(etree.Element(_tag(name)))
    except ValueError as failure:
        raise Thrown("XmlException", f"'{_tag(name)[:80]}' is not a valid name.") from failure
    add(made, *content)
    return made


@ATTRIBUTE.member("new(XName|string name, object value)")
def new_attribute(name: object, value: object) -> Attribute:
    return Attribute(_tag(name), to_text(value))


ATTRIBUTE.member("string Value")(lambda one: one.value)
ATTRIBUTE.member("XName Name")(lambda one: Name(one.name))
NAME.member("string LocalName")(lambda name: name.text.rpartition("}")[2])
NAME.member("string NamespaceName")(lambda name: name.text.rpartition("}")[0].removeprefix("{"))
NAME.member("static XName Get(string name, string namespace?)")(
    lambda name, space=None: Name(name if space is None else f"{{{space}}}{name}")
)
NAMESPACE.member("static XNamespace Get(string uri)")(lambda uri: Namespace(uri))
NAME.member("XNamespace Namespace")(lambda name: Namespace(name.text.rpartition("}")[0].removeprefix("{")))
NAMESPACE.member("static XNamespace None")(lambda: Namespace(""))
NAMESPACE.member("string NamespaceName")(lambda space: space.uri)
OVERLOADS["+", Namespace, str] = lambda space, name: Name(f"{{{space.uri}}}{name}" if space.uri else name)
IMPLICIT["XNamespace"] = lambda value: Namespace(value) if isinstance(value, str) else None
IMPLICIT["XName"] = lambda value: Name(value) if isinstance(value, str) else None
NAMESPACE.member("XName GetName(string name)")(lambda space, name: Name(f"{{{space.uri}}}{name}"))


enumeration("SaveOptions", {"None": 0, "DisableFormatting": 1, "OmitDuplicateNamespaces": 2}, "System.Xml.Linq")


@NODE.member("string ToString(SaveOptions options?)")
def node_text(node: Document | Element, options: EnumValue | None = None) -> str:
    """Return the XML as text, indented by two blanks unless `options` is DisableFormatting.

    Elements that contain text and other nodes stay on one line.
    """
    top = deepcopy(node.root.node if isinstance(node, Document) else node.node)
    flat = options is not None and options.name == "DisableFormatting"
    _laid_out(top, None if flat else "\n")
    text = _EMPTY_TAG.sub(r"\1 />", etree.tostring(top, encoding="unicode", with_tail=False))
    return checked(text.replace("\n", NEWLINE))


_EMPTY_TAG = re.compile(r"(<[^<>!?]+?)/>")


def _laid_out(node: etree._Element, line: str | None) -> None:
    """Put line breaks between elements. `line`: a break with the indent; None: remove the blanks between elements."""
    if len(node) == 0 or any(text is not None and text.strip() for text in (node.text, *(one.tail for one in node))):
        return
    inner = None if line is None else line + "  "
    node.text = inner
    for one in node:
        _laid_out(one, inner)
        one.tail = inner
    node[-1].tail = line


def _text(node: Document | Element, pattern: str | None = None) -> str:
    return node_text(node)


def _converted(one: object, target: str) -> object:
    """Implement (string)element and (string)attribute, which return the value."""
    if target == "string" and isinstance(one, (Element, Attribute)):
        return one.value if isinstance(one, Attribute) else _value(one)
    raise Thrown("InvalidCastException", f"Unable to cast XML to '{target}'.")


EXPLICIT[Element] = EXPLICIT[Attribute] = _converted
FORMATTERS[Document] = FORMATTERS[Element] = _text
FORMATTERS[Attribute] = lambda one, pattern: f'{one.name}="{one.value}"'
FORMATTERS[Name] = lambda name, pattern: name.text
FORMATTERS[Namespace] = lambda space, pattern: space.uri
