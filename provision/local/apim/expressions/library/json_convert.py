"""Converts between JSON trees and other values: casts, Value<T>, ToObject<T>, FromObject, Serialize."""

from __future__ import annotations

import base64
import math
from decimal import Decimal
from typing import Any
from uuid import UUID

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.basic import parse_bool, parse_guid
from provision.local.apim.expressions.library.jtokens import JArray, JObject, JProperty, JToken, JValue, clone
from provision.local.apim.expressions.library.numbers import parse_number
from provision.local.apim.expressions.library.table import base_name, type_arguments
from provision.local.apim.expressions.runtime.casts import (
    EXPLICIT,
    IMPLICIT,
    NUMERIC,
    default_of,
    implicit,
    is_instance,
    to_number,
)
from provision.local.apim.expressions.runtime.frame import charge
from provision.local.apim.expressions.runtime.text import to_text
from provision.local.apim.expressions.runtime.values import (
    INTEGERS,
    Anonymous,
    Array,
    Char,
    Dictionary,
    EnumValue,
    Int64,
    KeyValuePair,
)

__all__ = ["convert_token", "from_object", "to_token", "value_of"]

_TREE = ("JToken", "JObject", "JArray", "JValue", "JProperty", "JContainer", "object", "dynamic")


def to_token(value: object) -> JToken:
    """Return a token unchanged, and any other value converted to a token."""
    return value if isinstance(value, JToken) else from_object(value)


def from_object(value: object) -> JToken:
    """Implement JToken.FromObject: dictionaries and objects become a JObject, lists a JArray, other values a JValue."""
    charge(1)
    if isinstance(value, JToken):
        return clone(value) if value.parent is not None else value
    if isinstance(value, (Dictionary, Anonymous, KeyValuePair)):
        return _object(value)
    if isinstance(value, list):
        return JArray(from_object(one) for one in value)
    return JValue(_scalar(value))


def _object(value: Dictionary | Anonymous | KeyValuePair) -> JObject:
    if isinstance(value, Anonymous):
        pairs = list(value.members.items())
    elif isinstance(value, KeyValuePair):
        pairs = [("Key", value.key), ("Value", value.value)]
    else:
        pairs = [(to_text(pair.key), pair.value) for pair in value.pairs()]
    made = JObject()
    for name, one in pairs:
        made.put(name, from_object(one))
    return made


def _scalar(value: object) -> object:
    if isinstance(value, Char):
        return str(value)
    if isinstance(value, EnumValue):
        return Int64(value.value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, int) and not isinstance(value, bool):
        return Int64(value)
    return float(value) if isinstance(value, float) else value


def _refused(token: JToken, target: str) -> Thrown:
    return Thrown("ArgumentException", f"Can not convert {token.kind} to {_NET.get(target, target)}.")


_NET = {
    "int": "Int32",
    "long": "Int64",
    "string": "String",
    "bool": "Boolean",
    "double": "Double",
    "decimal": "Decimal",
}


def convert_token(token: Any, target: str) -> object:
    """Implement the explicit conversions of JToken: (string)token, (int)token, (bool?)token …"""
    bare = target.removesuffix("?")
    if isinstance(token, JProperty):
        token = token.value
    if not isinstance(token, JValue) or bare not in _SCALARS:
        raise _cast_refused(token, bare)
    if token.value is None:
        if bare == "string" or target.endswith("?"):
            return None
        raise _refused(token, bare)
    return _scalar_as(token, bare)


def _cast_refused(token: JToken, bare: str) -> Thrown:
    if bare in _SCALARS:
        return _refused(token, bare)
    return Thrown(
        "InvalidCastException",
        f"Unable to cast object of type 'Newtonsoft.Json.Linq.{type(token).__name__}' to type '{bare}'.",
    )


_SCALARS = frozenset({"string", "bool", "Guid", "DateTime", "DateTimeOffset", "TimeSpan", "byte[]", "Uri"}) | set(
    NUMERIC
)


def _scalar_as(token: JValue, target: str) -> object:
    value = token.value
    if is_instance(value, target):
        return value
    if target == "string":
        return to_text(value)
    if target in NUMERIC:
        return _number_as(token, target)
    if target == "bool":
        return _bool_as(token)
    if isinstance(value, str) and target == "Guid":
        return parse_guid(value)
    if isinstance(value, str) and target == "byte[]":
        return base64.b64decode(value)
    converted = implicit(value, target)
    if converted is value:
        raise _refused(token, target)
    return converted


def _bool_as(token: JValue) -> bool:
    if isinstance(token.value, str):
        return parse_bool(token.value)
    if isinstance(token.value, (int, float)):
        return token.value != 0
    raise _refused(token, "bool")


def _number_as(token: JValue, target: str) -> object:
    """Convert as Convert.ToInt32 and the like do: parse text, and round fractions half to even.

    Raises Thrown (OverflowException) for a value out of the type's range.
    """
    value, kind = token.value, NUMERIC[target]
    if isinstance(value, str):
        if target == "char" and len(value) == 1:
            return Char(value)
        return parse_number(kind, value)
    if isinstance(value, (float, Decimal)) and kind in INTEGERS:
        if isinstance(value, float) and not math.isfinite(value):
            raise Thrown(
                "OverflowException", f"Value was either too large or too small for an {_NET.get(target, target)}."
            )
        value = round(value)
    if not isinstance(value, (int, float, Decimal)):
        raise _refused(token, target)
    if kind in INTEGERS and not INTEGERS[kind][1] <= value <= INTEGERS[kind][2]:
        raise Thrown("OverflowException", f"Value was either too large or too small for an {_NET.get(target, target)}.")
    return to_number(int(value) if isinstance(value, bool) else value, target)


def value_of(token: JToken | None, target: str | None) -> object:
    """Implement Value<T>(): return default(T) for null and for an absent property, and containers unchanged."""
    wanted = target or "object"
    if token is None:
        return default_of(wanted)
    if wanted in _TREE:
        if wanted not in ("object", "dynamic") and not is_instance(token, wanted):
            raise Thrown("InvalidCastException", f"Cannot cast {_full(token)} to Newtonsoft.Json.Linq.{wanted}.")
        return token
    if isinstance(token, JValue) and token.value is None:
        return default_of(wanted)
    if not isinstance(token, (JValue, JProperty)):
        raise Thrown("InvalidCastException", f"Cannot cast {_full(token)} to Newtonsoft.Json.Linq.JToken.")
    return convert_token(token, wanted)


def _full(token: JToken) -> str:
    return f"Newtonsoft.Json.Linq.{type(token).__name__}"


def to_object(token: JToken, target: str | None) -> object:
    """Implement ToObject<T> and DeserializeObject<T>. T: a token, scalar, list, array, or dictionary with text keys."""
    wanted = target or "object"
    if wanted in _TREE:
        return value_of(token, wanted)
    if isinstance(token, JValue) and token.value is None:
        return default_of(wanted)
    arguments, base = type_arguments(wanted), base_name(wanted)
    if wanted.endswith("[]") and wanted != "byte[]" and isinstance(token, JArray):
        return Array(to_object(item, wanted[:-2]) for item in token.items)
    if base == "List" and arguments and isinstance(token, JArray):
        return [to_object(item, arguments[0]) for item in token.items]
    if base == "Dictionary" and len(arguments) == 2 and isinstance(token, JObject):
        return Dictionary((name, to_object(prop.value, arguments[1])) for name, prop in token.properties.items())
    if isinstance(token, JValue):
        return convert_token(token, wanted)
    raise Thrown(
        "JsonSerializationException", f"Cannot deserialize the current JSON {token.kind} into type '{wanted}'."
    )


def _implicit_token(value: object) -> object | None:
    if isinstance(value, (str, int, float, Decimal, UUID, bytes)) or type(value).__name__ in ("DateTime", "TimeSpan"):
        return from_object(value)
    return None


IMPLICIT["JToken"] = _implicit_token
_CLASSES: tuple[type, ...] = (JToken, JValue, JObject, JArray, JProperty)
for _class in _CLASSES:
    EXPLICIT[_class] = convert_token
