"""JObject, JArray, JProperty, JValue, JToken and JsonConvert: members."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from provision.local.gateway.expressions.errors import Thrown
from provision.local.gateway.expressions.library.basic import enumeration
from provision.local.gateway.expressions.library.json_convert import from_object, to_object, to_token, value_of
from provision.local.gateway.expressions.library.json_path import select
from provision.local.gateway.expressions.library.jtokens import (
    JArray,
    JObject,
    JProperty,
    JToken,
    JValue,
    clone,
    parse,
    write,
)
from provision.local.gateway.expressions.library.strings import null_argument, out_of_range
from provision.local.gateway.expressions.library.table import Table
from provision.local.gateway.expressions.runtime.iteration import ITERATORS, iterate
from provision.local.gateway.expressions.runtime.text import FORMATTERS, format_value, to_text
from provision.local.gateway.expressions.runtime.values import Array, EnumValue, Sequence

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
    """`token["name"]`, `token[0]`; null for a property that is absent."""
    if isinstance(token, JObject):
        if not isinstance(key, str):
            raise Thrown(
                "ArgumentException",
                f"Accessed JObject values with invalid key value: {to_text(key)}. Object property name expected.",
            )
        found = token.properties.get(key)
        return None if found is None else found.value
    if isinstance(token, JArray):
        return _item(token, key)
    raise Thrown(
        "InvalidOperationException", f"Cannot access child value on Newtonsoft.Json.Linq.{type(token).__name__}."
    )


def _item(token: JArray, key: object) -> JToken:
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
        _item(token, key).parent = None
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
    found = next(iter(select(token, path)), None)
    if found is None and strict:
        raise Thrown("JsonException", f"Path returned no token: {path}")
    return found


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
    return len(token.children())


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


@OBJECT.member("new(params object[] content)")
def new_object(*content: object) -> JObject:
    made = JObject()
    for one in content:
        for part in one if isinstance(one, list) else [one]:
            add_property(made, part)
    return made


@OBJECT.member("void Add(string|object nameOrProperty, object value?)")
def add_property(token: JObject, name: object, value: object = None) -> None:
    """Add(property), or Add(name, value); ArgumentException when the name is there already."""
    if isinstance(name, JObject):
        for prop in name.properties.values():
            add_property(token, prop.name, clone(prop.value))
        return
    key = name.name if isinstance(name, JProperty) else name
    if not isinstance(key, str):
        raise Thrown("ArgumentException", f"Can not add {type(name).__name__} to Newtonsoft.Json.Linq.JObject.")
    if key in token.properties:
        raise Thrown(
            "ArgumentException",
            f"Can not add property {key} to Newtonsoft.Json.Linq.JObject. "
            "Property with the same name already exists on object.",
        )
    if isinstance(name, JProperty) and name.parent is None:
        token.properties[key] = name
        name.parent = token
    else:
        token.put(key, clone(name.value) if isinstance(name, JProperty) else to_token(value))


@OBJECT.member("JProperty Property(string name, StringComparison comparison?)", source="5.5")
def property_(token: JObject, name: str, comparison: EnumValue | None = None) -> JProperty | None:
    found = token.properties.get(name)
    if found is not None or comparison is None or not comparison.name.endswith("IgnoreCase"):
        return found
    return next((one for key, one in token.properties.items() if key.lower() == name.lower()), None)


@OBJECT.member("IEnumerable<JProperty> Properties()")
def properties(token: JObject) -> Sequence:
    return Sequence(token.properties.values())


@OBJECT.member("bool ContainsKey(string name)")
def contains_key(token: JObject, name: str) -> bool:
    return name in token.properties


@OBJECT.member("bool Remove(string name)")
def remove_property(token: JObject, name: str) -> bool:
    found = token.properties.pop(name, None)
    if found is not None:
        found.parent = None
    return found is not None


@OBJECT.member("JToken GetValue(string name, StringComparison comparison?)", source="5.5")
def get_value(token: JObject, name: str, comparison: EnumValue | None = None) -> JToken | None:
    found = property_(token, name, comparison)
    return None if found is None else found.value


@OBJECT.member("bool TryGetValue(string name, out JToken value)")
def try_get_value(token: JObject, name: str) -> tuple[bool, JToken | None]:
    found = get_value(token, name)
    return found is not None, found


@OBJECT.member("bool TryGetValue(string name, StringComparison comparison, out JToken value)")
def try_get_value_ignoring(token: JObject, name: str, comparison: EnumValue) -> tuple[bool, JToken | None]:
    found = get_value(token, name, comparison)
    return found is not None, found


@OBJECT.member("void RemoveAll()")
def remove_all(token: JObject) -> None:
    token.properties.clear()


@ARRAY.member("new(params object[] content)")
def new_array(*content: object) -> JArray:
    made = JArray()
    for one in content:
        for part in iterate(one) if isinstance(one, (Array, list)) else [one]:
            made.append(to_token(part))
    return made


@ARRAY.member("void Add(object item)")
def add_item(token: JArray, item: object) -> None:
    token.append(to_token(item))


@ARRAY.member("void Insert(int index, object item)")
def insert_item(token: JArray, index: int, item: object) -> None:
    if not 0 <= index <= len(token.items):
        raise out_of_range("index")
    token.items.insert(index, token.adopt(to_token(item)))


@ARRAY.member("void AddFirst(object item)")
def add_first(token: JArray, item: object) -> None:
    insert_item(token, 0, item)


@ARRAY.member("void RemoveAt(int index)")
def remove_at(token: JArray, index: int) -> None:
    _item(token, index).parent = None
    del token.items[index]


@ARRAY.member("bool Remove(JToken item)")
def remove_item(token: JArray, item: JToken) -> bool:
    kept = [one for one in token.items if one is not item]
    removed = len(kept) < len(token.items)
    token.items = kept
    return removed


@ARRAY.member("void Clear()")
def clear(token: JArray) -> None:
    token.items.clear()


@PROPERTY.member("new(string name, params object[] content)")
def new_property(name: str, *content: object) -> JProperty:
    if name is None:
        raise null_argument("name")
    if len(content) == 1 and not isinstance(content[0], (Array, Sequence)):
        return JProperty(name, to_token(content[0]))
    items = content[0] if len(content) == 1 else list(content)
    return JProperty(name, new_array(items))


@PROPERTY.member("string Name")
@PROPERTY.member("string Key")
def name_of(token: JProperty) -> str:
    return token.name


@PROPERTY.member("JToken Value")
def property_value(token: JProperty) -> JToken:
    return token.value


def _set_property_value(token: JProperty, value: object) -> None:
    token.value.parent = None
    token.value = token.adopt(to_token(value))


PROPERTY.setters["Value"] = _set_property_value


@VALUE.member("new(object value)")
def new_value(value: object) -> JValue:
    token = from_object(value)
    return token if isinstance(token, JValue) else JValue(None)


@VALUE.member("object Value")
def raw_value(token: JValue) -> object:
    return token.value


@VALUE.member("static JValue CreateNull()")
def create_null() -> JValue:
    return JValue(None)


@CONVERT.member("static string SerializeObject(object value, Formatting|object formatting?)", source="5.5")
def serialize(value: object, formatting: object = None) -> str:
    indented = isinstance(formatting, EnumValue) and formatting.name == "Indented"
    return write(value if isinstance(value, JToken) else from_object(value), indented)


@CONVERT.member("static T DeserializeObject<T>(string json)")
def deserialize(wanted: str | None, text: str | None) -> object:
    return to_object(parse_token(text), wanted)


@CONVERT.member("static string ToString(object value)")
def convert_to_string(value: object) -> str:
    return serialize(value)
