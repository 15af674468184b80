"""Registers the members that only JObject, JArray, JProperty, JValue or JsonConvert has."""

from __future__ import annotations

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.json_ import (
    ARRAY,
    CONVERT,
    OBJECT,
    PROPERTY,
    VALUE,
    item_at,
    parse_token,
)
from provision.local.apim.expressions.library.json_convert import from_object, to_object, to_token
from provision.local.apim.expressions.library.jtokens import (
    JArray,
    JObject,
    JProperty,
    JToken,
    JValue,
    clone,
    write,
)
from provision.local.apim.expressions.library.strings import null_argument, out_of_range
from provision.local.apim.expressions.runtime.iteration import iterate
from provision.local.apim.expressions.runtime.values import Array, EnumValue, Sequence

__all__: list[str] = []


@OBJECT.member("new(params object[] content)")
def new_object(*content: object) -> JObject:
    made = JObject()
    for one in content:
        for part in one if isinstance(one, list) else [one]:
            add_property(made, part)
    return made


@OBJECT.member("void Add(string|object nameOrProperty, object value?)")
def add_property(token: JObject, name: object, value: object = None) -> None:
    """Implement Add(property) and Add(name, value). Raises Thrown (ArgumentException) if the name exists."""
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
    item_at(token, index).parent = None
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
