"""Answer lists with `$filter`, `$top` and `$skip`, and a nextLink if more items follow.

A `$filter` has comparisons and three functions joined by `and`, as the SDK's documentation shows them. Any other filter
is refused, because ignoring it would return every item.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.errors import ArmError

__all__ = ["filtered", "page"]

PAGE = 100

_TEXT = r"'((?:[^']|'')*)'"
_COMPARISON = re.compile(rf"([\w./]+)\s+(eq|ne)\s+(?:{_TEXT}|(true|false|-?\d+))", re.IGNORECASE)
_FUNCTION = re.compile(rf"(contains|startswith|endswith)\s*\(\s*([\w./]+)\s*,\s*{_TEXT}\s*\)", re.IGNORECASE)
_TAG = re.compile(rf"tagName\s+eq\s+{_TEXT}(?:\s+and\s+tagValue\s+eq\s+{_TEXT})?", re.IGNORECASE)
_AND = re.compile(r"\s+and\s+(?=(?:[^']*'[^']*')*[^']*$)", re.IGNORECASE)
_LONGEST = 2000
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": lambda value, part: value.startswith(part),
    "endswith": lambda value, part: value.endswith(part),
}


def page(call: ArmCall, items: list[Json]) -> Answer:
    """Return one page of a list. Raises ArmError 400 for a `$filter`, `$top` or `$skip` that cannot be parsed."""
    items = filtered(items, call.query.get("$filter"))
    top, skip = _number(call, "$top", PAGE), _number(call, "$skip", 0)
    shown = items[skip : skip + top]
    body: Json = {"value": shown, "count": len(items)}
    if skip + top < len(items) and top > 0:
        query = dict(call.query) | {"$skip": str(skip + top), "$top": str(top)}
        body["nextLink"] = f"{call.base_url}{call.path}?{urlencode(query, safe='$')}"
    return Answer(200, body)


def _number(call: ArmCall, name: str, default: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not text.isdigit() or len(text) > 9:
        message = f"The query parameter '{name}' must be a number, not '{text}'."
        raise ArmError(400, "InvalidQueryParameterValue", message)
    return int(text)


def filtered(items: list[Json], text: str | None) -> list[Json]:
    """Return the items that match a filter; all of them if it is None. Raises ArmError 400 if it cannot be parsed."""
    if not text or not text.strip():
        return items
    if len(text) > _LONGEST:
        raise _refused(text[:40])
    tag = _TAG.fullmatch(text.strip())
    if tag is not None:
        return [item for item in items if _has_tag(item, _plain(tag.group(1)), tag.group(2))]
    tests = [_test(clause.strip()) for clause in _AND.split(text)]
    return [item for item in items if all(test(item) for test in tests)]


def _test(clause: str) -> Callable[[Json], bool]:
    comparison, function = _COMPARISON.fullmatch(clause), _FUNCTION.fullmatch(clause)
    if comparison is not None:
        field, operator, quoted, bare = comparison.groups()
        wanted = _plain(quoted).lower() if quoted is not None else bare.lower()
        same = operator.lower() == "eq"
        return lambda item: (_text(_value(item, field)) == wanted) is same
    if function is not None:
        apply, part = _FUNCTIONS[function.group(1).lower()], _plain(function.group(3)).lower()
        name = function.group(2)
        return lambda item: apply(_text(_value(item, name)), part)
    raise _refused(clause)


def _value(item: Json, field: str) -> Any:
    """Return a field of an item; None if absent. A field in `properties` may be named with or without that prefix."""
    found: Any = item
    for part in re.split(r"[./]", field):
        inner = found.get("properties") if isinstance(found, dict) else None
        known = found.get(part) if isinstance(found, dict) else None
        found = inner.get(part) if known is None and isinstance(inner, dict) else known
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower()


def _has_tag(item: Json, name: str, value: str | None) -> bool:
    tags = {key.lower(): text for key, text in (item.get("tags") or {}).items()}
    found = tags.get(name.lower())
    return found is not None and (value is None or found == _plain(value))


def _plain(quoted: str) -> str:
    return quoted.replace("''", "'")


def _refused(clause: str) -> ArmError:
    return ArmError(400, "InvalidFilterInQueryString", f"Invalid $filter '{clause}' specified in the query string.")
