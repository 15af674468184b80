"""Registers the members that all JSON tokens (JToken) have, and their Parse methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.basic import enumeration
from provision.local.apim.expressions.library.json_convert import from_object, to_object, to_token, value_of
from provision.local.apim.expressions.library.json_path import select
from provision.local.apim.expressions.library.jtokens import (
    JArray,
    JObject,
    JProperty,
    JToken,
    JValue,
    clone,
    parse,
    write,
)
from provision.local.apim.expressions.library.strings import null_argument, out_of_range
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.runtime.iteration import ITERATORS
from provision.local.apim.expressions.runtime.text import FORMATTERS, format_value, to_text
from provision.local.apim.expressions.runtime.values import EnumValue, Sequence

__all__: list[str] = []

_LINQ = "Newtonsoft.Json.Linq"
TOKEN = Table("JToken", (JToken,), _LINQ, bases=("IEnumerable",))
VALUE = Table("JValue", (JValue,), _LINQ, bases=("JToken",))
CONTAINER = Table("JContainer", (), _LINQ, bases=("JToken",))
OBJECT = Table("JObject", (JObject,), _LINQ, bases=("JContainer",))
ARRAY = Table("JArray", (JArray,), _LINQ, bases=("JContainer",))
PROPERTY = Table("JProperty", (JProperty,), _LINQ, bases=("JContainer",))
CONVERT = Table("JsonConvert", (), "Newtonsoft.Json", bases=("object",))
enumeration("Formatting", {"None": 0, "Indented": 1}, "Newtonsoft.Json")
_KINDS = [
    "None",
    "Object",
    "Array",
    "Constructor",
    "Property",
    "Comment",
    "Integer",
    "Float",
    "String",
    "Boolean",
    "Null",
    "Undefined",
    "Date",
    "Raw",
    "Bytes",
    "Guid",
    "Uri",
    "TimeSpan",
]
enumeration("JTokenType", {kind: number for number, kind in enumerate(_KINDS)}, _LINQ)
enumeration("NullValueHandling", {"Include": 0, "Ignore": 1}, "Newtonsoft.Json")

for _class in (JObject, JArray, JProperty):
    ITERATORS[_class] = lambda value: value.children()
ITERATORS[JValue] = lambda value: ()


def _text(token: JToken, pattern: str | None = None) -> str:
    if isinstance(token, JValue):
        return to_text(token.value) if pattern is None else format_value(token.value, pattern)
    return write(token, indented=True)


FORMATTERS[JObject] = FORMATTERS[JArray] = FORMATTERS[JProperty] = FORMATTERS[JValue] = _text


@TOKEN.member("string ToString(Formatting|string|object formatting?, params object[] converters)")
def token_text(token: JToken, formatting: object = None, *converters: object) -> str:
    if isinstance(formatting, EnumValue):
        return write(token, formatting.name == "Indented")
    return _text(token, formatting if isinstance(formatting, str) else None)


@TOKEN.member("static JToken Parse(string json)", source="5.5")
def parse_token(text: str | None) -> JToken:
    if text is None:
        raise null_argument("s")
    return parse(text)


def _parse_as(kind: type[JToken], name: str) -> Callable[[str | None], JToken]:
    def parse_(text: str | None) -> JToken:
        token = parse_token(text)
        if not isinstance(token, kind):
            raise Thrown(
                "JsonReaderException",
                f"Error reading {name} from JsonReader. Current JsonReader item is not "
                f"{'an object' if kind is JObject else 'an array'}: {token.kind}. Path '', line 1, position 1.",
            )
        return token

    return parse_


OBJECT.member("static JObject Parse(string json)", source="5.5")(_parse_as(JObject, "JObject"))
ARRAY.member("static JArray Parse(string json)", source="5.5")(_parse_as(JArray, "JArray"))


def _from(kind: type[JToken]) -> Callable[[object], JToken]:
    def make(value: object) -> JToken:
        if value is None:
            raise null_argument("o")
        token = from_object(value)
        if not isinstance(token, kind):
            raise Thrown("ArgumentException", f"Object serialized to {token.kind}. {kind.__name__} instance expected.")
        return token

    return make


TOKEN.member("static JToken FromObject(object value)")(_from(JToken))
OBJECT.member("static JObject FromObject(object value)")(_from(JObject))
ARRAY.member("static JArray FromObject(object value)")(_from(JArray))


@TOKEN.member("JToken this[string|int key]")
@TOKEN.member("JToken Item(string|int key)")
def child(token: JToken, key: object) -> JToken | None:
    """Return `token["name"]` or `token[0]`. The value of an absent property is null."""
    if isinstance(token, JObject):
        if not isinstance(key, str):
            raise Thrown(
                "ArgumentException",
                f"Accessed JObject values with invalid key value: {to_text(key)}. Object property name expected.",
            )
        found = token.properties.get(key)
        return None if found is None else found.value
    if isinstance(token, JArray):
        return item_at(token, key)
    raise Thrown(
        "InvalidOperationException", f"Cannot access child value on Newtonsoft.Json.Linq.{type(token).__name__}."
    )


def item_at(token: JArray, key: object) -> JToken:
    if not isinstance(key, int):
        raise Thrown(
            "ArgumentException",
            f'Accessed JArray values with invalid key value: "{to_text(key)}". Int32 array index expected.',
        )
    if not 0 <= key < len(token.items):
        raise out_of_range("index")
    return token.items[key]


def _set_child(token: JToken, key: object, value: object) -> None:
    made = to_token(value)
    if isinstance(token, JObject) and isinstance(key, str):
        token.put(key, made)
    elif isinstance(token, JArray):
        item_at(token, key).parent = None
        token.items[int(to_text(key))] = token.adopt(made)
    else:
        raise Thrown("ArgumentException", f"Set {type(token).__name__} values with invalid key value: {to_text(key)}.")


TOKEN.setters["[]"] = _set_child


@TOKEN.member("T Value<T>(string|int key?)", source="5.5")
def value(token: JToken, wanted: str | None, key: object = None) -> object:
    return value_of(token if key is None else child(token, key), wanted)


@TOKEN.member("T ToObject<T>()", source="5.5")
def token_to_object(token: JToken, wanted: str | None) -> object:
    return to_object(token, wanted)


@TOKEN.member("JToken SelectToken(string path, bool errorWhenNoMatch?)")
def select_token(token: JToken, path: str, strict: bool = False) -> JToken | None:
    found = select(token, path)
    if len(found) > 1:
        raise Thrown("JsonException", "Path returned multiple tokens.")
    if not found and strict:
        raise Thrown("JsonException", f"Path returned no token: {path}")
    return found[0] if found else None


@TOKEN.member("IEnumerable<JToken> SelectTokens(string path)")
def select_tokens(token: JToken, path: str) -> Sequence:
    return Sequence(select(token, path))


@TOKEN.member("IEnumerable<JToken> Children()")
@TOKEN.member("IEnumerable<JToken> Values()")
def children(token: JToken) -> Sequence:
    return Sequence(token.children())


@TOKEN.member("IEnumerable<T> Children<T>()")
def children_of(token: JToken, wanted: str | None) -> Sequence:
    return Sequence(one for one in token.children() if type(one).__name__ == wanted)


@TOKEN.member("IEnumerable<T> Values<T>()")
def values_of(token: JToken, wanted: str | None) -> Sequence:
    return Sequence(value_of(one, wanted) for one in token.children())


@TOKEN.member("JTokenType Type")
def kind_of(token: JToken) -> EnumValue:
    return EnumValue("JTokenType", token.kind, _KINDS.index(token.kind))


@TOKEN.member("bool HasValues")
def has_values(token: JToken) -> bool:
    return bool(token.children())


@TOKEN.member("JToken Parent")
def parent(token: JToken) -> JToken | None:
    return token.parent


@TOKEN.member("JToken Root")
def root(token: JToken) -> JToken:
    while token.parent is not None:
        token = token.parent
    return token


@TOKEN.member("JToken First")
def first(token: JToken) -> JToken | None:
    return next(iter(token.children()), None)


@TOKEN.member("JToken Last")
def last(token: JToken) -> JToken | None:
    return next(reversed(token.children()), None)


@TOKEN.member("string Path")
def path(token: JToken) -> str:
    parts: list[str] = []
    while token.parent is not None:
        if isinstance(token, JProperty):
            parts.append("." + token.name)
        elif isinstance(token.parent, JArray):
            parts.append(f"[{next(i for i, one in enumerate(token.parent.items) if one is token)}]")
        token = token.parent
    return "".join(reversed(parts)).removeprefix(".")


@TOKEN.member("JToken DeepClone()")
def deep_clone(token: JToken) -> JToken:
    return clone(token)


@TOKEN.member("static bool DeepEquals(JToken a, JToken b)")
def deep_equals(a: JToken | None, b: JToken | None) -> bool:
    return (a is b) if a is None or b is None else write(a, False) == write(b, False)


@TOKEN.member("void Remove()")
def remove_self(token: JToken) -> None:
    owner = token.parent
    if owner is None:
        raise Thrown("InvalidOperationException", "The parent is missing.")
    if isinstance(owner, JObject) and isinstance(token, JProperty):
        owner.properties.pop(token.name, None)
    elif isinstance(owner, JArray):
        owner.items = [one for one in owner.items if one is not token]
    else:
        raise Thrown("JsonException", "Cannot add or remove items from Newtonsoft.Json.Linq.JProperty.")
    token.parent = None


@TOKEN.member("void Replace(JToken value)")
def replace(token: JToken, new: object) -> None:
    owner = token.parent
    if isinstance(owner, JProperty):
        token.parent = None
        owner.value = owner.adopt(to_token(new))
    elif isinstance(owner, JArray):
        index = next(i for i, one in enumerate(owner.items) if one is token)
        _set_child(owner, index, new)
    else:
        raise Thrown("InvalidOperationException", "The parent is missing.")


@CONTAINER.member("int Count")
def count(token: JToken) -> int:
    if isinstance(token, JObject):
        return len(token.properties)
    return len(token.items) if isinstance(token, JArray) else 1


@CONTAINER.member("IEnumerable<JToken> Descendants()")
def descendants(token: JToken) -> Sequence:
    return Sequence(_descendants(token))


def _descendants(token: JToken) -> Iterator[JToken]:
    for one in token.children():
        yield one
        yield from _descendants(one)


@CONTAINER.member("void Merge(object content, object settings?)")
def merge(token: JToken, content: object, settings: object = None) -> None:
    other = to_token(content)
    if isinstance(token, JArray) and isinstance(other, JArray):
        for item in other.items:
            token.append(clone(item))
    if not isinstance(token, JObject) or not isinstance(other, JObject):
        return
    for prop in other.properties.values():
        mine = child(token, prop.name)
        if isinstance(mine, (JObject, JArray)) and type(mine) is type(prop.value):
            merge(mine, prop.value)
        else:
            token.put(prop.name, clone(prop.value))
