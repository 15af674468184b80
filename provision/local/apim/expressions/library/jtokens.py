"""Defines Newtonsoft's JToken classes, and parses and writes trees of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from json.encoder import encode_basestring

import orjson

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.json_reader import deeper, read_lenient
from provision.local.apim.expressions.limits import MAX_TEXT, checked_length
from provision.local.apim.expressions.runtime.frame import charge
from provision.local.apim.expressions.runtime.text import NEWLINE, double_text, to_text
from provision.local.apim.expressions.runtime.values import Int64

__all__ = ["JArray", "JObject", "JProperty", "JToken", "JValue", "clone", "parse", "read_date", "write"]


class JToken:
    """A node of a JSON tree. It has at most one parent: adding it to a second parent adds a copy."""

    __slots__ = ("parent",)
    kind = "Undefined"

    def __init__(self) -> None:
        self.parent: JToken | None = None

    def children(self) -> list[JToken]:
        return []

    def adopt(self, token: JToken) -> JToken:
        """Make a token a child of this one and return it, or a copy if it has a parent already."""
        if token.parent is not None or token is self:
            token = clone(token)
        token.parent = self
        return token


class JValue(JToken):
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.parent = None
        self.value = value

    @property
    def kind(self) -> str:  # type: ignore[override]  # computed from the value
        return _kind_of(self.value)


def _kind_of(value: object) -> str:
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, str):
        return "String"
    if isinstance(value, int):
        return "Integer"
    if isinstance(value, (float, Decimal)):
        return "Float"
    return {"DateTime": "Date", "DateTimeOffset": "Date", "UUID": "Guid", "TimeSpan": "TimeSpan", "bytes": "Bytes"}.get(
        type(value).__name__, "Uri"
    )


class JProperty(JToken):
    __slots__ = ("name", "value")
    kind = "Property"

    def __init__(self, name: str, value: JToken) -> None:
        self.parent = None
        self.name = name
        self.value = self.adopt(value)

    def children(self) -> list[JToken]:
        return [self.value]


class JObject(JToken):
    __slots__ = ("properties",)
    kind = "Object"

    def __init__(self) -> None:
        self.parent = None
        self.properties: dict[str, JProperty] = {}

    def children(self) -> list[JToken]:
        return list(self.properties.values())

    def put(self, name: str, value: JToken) -> None:
        """Set a property. An existing one keeps its position."""
        found = self.properties.get(name)
        if found is None:
            found = self.properties[name] = JProperty(name, value)
            found.parent = self
            charge(1)
        else:
            found.value.parent = None
            found.value = found.adopt(value)


class JArray(JToken):
    __slots__ = ("items",)
    kind = "Array"

    def __init__(self, items: Iterable[JToken] = ()) -> None:
        self.parent = None
        self.items: list[JToken] = []
        for item in items:
            self.append(item)

    def children(self) -> list[JToken]:
        return list(self.items)

    def append(self, token: JToken) -> None:
        charge(1)
        self.items.append(self.adopt(token))


def clone(token: JToken) -> JToken:
    """Return a deep copy without a parent. Its size counts against the evaluation's budget."""
    charge(1)
    if isinstance(token, JObject):
        made = JObject()
        for prop in token.properties.values():
            made.put(prop.name, clone(prop.value))
        return made
    if isinstance(token, JArray):
        return JArray(clone(item) for item in token.items)
    if isinstance(token, JProperty):
        return JProperty(token.name, clone(token.value))
    return JValue(token.value) if isinstance(token, JValue) else token


read_date: list[Callable[[str], object | None]] = []
"""The function that parses ISO dates, added by `dates`: Newtonsoft turns strings with such dates into DateTime."""
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?(?:Z|[+-]\d\d:\d\d)?$", re.ASCII)


def parse(text: str | bytes) -> JToken:
    """Implement JToken.Parse. Raises Thrown (JsonReaderException) for a bad text or more than 64 levels of nesting."""
    charge(len(text) >> 4)
    try:
        raw = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raw = read_lenient(_decoded(text))
    return _tree(raw, 0)


def _decoded(text: str | bytes) -> str:
    try:
        return text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError:
        raise Thrown("JsonReaderException", "Error parsing JSON: invalid text.") from None


def _tree(raw: object, depth: int) -> JToken:
    if isinstance(raw, str):
        return JValue(_text_or_date(raw))
    if isinstance(raw, dict):
        return _object(raw, deeper(depth))
    if isinstance(raw, list):
        made, inner = JArray(), deeper(depth)
        made.items = [_tree(one, inner) for one in raw]
        for item in made.items:
            item.parent = made
        charge(len(raw))
        return made
    return JValue(Int64(raw) if type(raw) is int else raw)


def _object(raw: dict[str, object], depth: int) -> JObject:
    made = JObject()
    for name, value in raw.items():
        prop = JProperty(name, _tree(value, depth))
        prop.parent = made
        made.properties[name] = prop
    charge(len(raw))
    return made


def _text_or_date(text: str) -> object:
    if len(text) > 18 and text[10] == "T" and _DATE.match(text) and read_date:
        found = read_date[0](text)
        return text if found is None else found
    return text


def write(token: JToken, indented: bool) -> str:
    """Return JSON as Newtonsoft writes it: indented by two blanks, or on one line without blanks."""
    parts = list(_written(token, NEWLINE if indented else None))
    text = "".join(parts)
    charge(len(text) >> 2)
    return text


def _written(token: JToken, line: str | None) -> Iterator[str]:
    size = 0
    for part in _parts(token, line):
        size += len(part)
        if size > MAX_TEXT:
            checked_length(size)
        yield part


def _parts(token: JToken, line: str | None) -> Iterator[str]:
    if isinstance(token, JValue):
        yield scalar_text(token.value)
    elif isinstance(token, JProperty):
        yield quoted(token.name) + (":" if line is None else ": ")
        yield from _parts(token.value, line)
    else:
        opening, closing = ("{", "}") if isinstance(token, JObject) else ("[", "]")
        inner = None if line is None else line + "  "
        between = opening + (inner or "")
        for child in token.children():
            yield between
            yield from _parts(child, inner)
            between = "," + (inner or "")
        empty = between.startswith(opening)
        yield opening + closing if empty else (line or "") + closing


def quoted(text: str) -> str:
    """Return a JSON string in which only necessary characters are escaped."""
    return encode_basestring(text).replace("\x85", "\\u0085").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


ISO_TEXTS: dict[type, Callable[..., str]] = {}
"""Functions that return the JSON text of the library's own classes, without its quotes."""


def scalar_text(value: object) -> str:
    """Return a scalar as JSON text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        text = double_text(value)
        if text in ("NaN", "Infinity", "-Infinity"):
            return f'"{text}"'
        return text if any(sign in text for sign in ".E") else text + ".0"
    if isinstance(value, Decimal):
        text = to_text(value)
        return text if "." in text else text + ".0"
    if isinstance(value, int):
        return str(int(value))
    writer = ISO_TEXTS.get(type(value))
    return quoted(writer(value) if writer is not None else to_text(value))
