"""Evaluates SelectToken's paths: names, indices, lists of either, slices, `[*]`, `..`, and simple filters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.jtokens import JArray, JObject, JProperty, JToken, JValue
from provision.local.apim.expressions.runtime.frame import charge
from provision.local.apim.expressions.runtime.operators import BINARY, equals

__all__ = ["select"]

_PART = re.compile(
    r"""(?P<deep>\.\.)?\.?(?:
        (?P<name>[^.\[\]\s?*'"]+) | (?P<any>\*)
      | \[\s*(?P<index>-?\d+(?:\s*,\s*-?\d+)*)\s*\] | \[\s*(?P<all>\*)\s*\]
      | \[\s*(?P<quoted>'[^']*'(?:\s*,\s*'[^']*')*)\s*\]
      | \[\s*(?P<slice>-?\d{0,9}:-?\d{0,9}(?::-?[1-9]\d{0,8})?)\s*\]
      | \[\s*\?\(\s*@\.(?P<field>[\w-]+)\s*
          (?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>'[^']*'|-?\d+(?:\.\d+)?|true|false|null)\s*)?\)\s*\]
    )""",
    re.VERBOSE,
)


def select(token: JToken, path: str) -> list[JToken]:
    """Return the tokens at a path, in document order. Raises Thrown (JsonException) for a path that is not valid."""
    rest = path.strip().removeprefix("$")
    found, position = [token], 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None or part.end() == position or len(rest) > 2048:
            raise Thrown("JsonException", f"Unexpected character while parsing path: {path[:80]}")
        if part["deep"]:
            found = [one for start in found for one in _within(start)]
        found = [one for start in found for one in _step(start, part)]
        charge(len(found))
        position = part.end()
    return found


def _values(token: JToken) -> list[JToken]:
    return [one.value if isinstance(one, JProperty) else one for one in token.children()]


def _within(token: JToken) -> Iterator[JToken]:
    yield token
    charge(1)
    for one in _values(token):
        yield from _within(one)


def _step(token: JToken, part: re.Match[str]) -> list[JToken]:
    names = [part["name"]] if part["name"] is not None else re.findall(r"'([^']*)'", part["quoted"] or "")
    if names:
        found = (token.properties.get(name) for name in names) if isinstance(token, JObject) else ()
        return [one.value for one in found if one is not None]
    if part["index"] is not None or part["slice"] is not None:
        return _items(token.items, part) if isinstance(token, JArray) else []
    if part["field"] is None:
        return _values(token)
    return [one for one in _values(token) if _matches(one, part)]


def _items(items: list[JToken], part: re.Match[str]) -> list[JToken]:
    if part["slice"] is not None:
        return items[slice(*(int(number) if number.strip("-") else None for number in part["slice"].split(":")))]
    indices = (int(number.strip()[:9]) for number in part["index"].split(","))
    return [items[index] for index in indices if 0 <= index < len(items)]


def _matches(token: JToken, part: re.Match[str]) -> bool:
    found = token.properties.get(part["field"]) if isinstance(token, JObject) else None
    if found is None or part["op"] is None:
        return found is not None
    actual = found.value.value if isinstance(found.value, JValue) else None
    wanted = _literal(part["value"])
    if type(actual) is str or type(wanted) is str or part["op"] in ("==", "!="):
        return equals(actual, wanted) is (part["op"] == "==")
    return BINARY[part["op"]](actual, wanted) is True


def _literal(text: str) -> object:
    if text.startswith("'"):
        return text[1:-1]
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    return float(text) if "." in text else int(text[:15])
