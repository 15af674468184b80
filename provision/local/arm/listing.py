"""Collections: `$filter`, `$top`, `$skip`, and a nextLink while there is more."""

from __future__ import annotations

from urllib.parse import urlencode

from provision.local.arm.call import Answer, Call, Json
from provision.local.arm.errors import ArmError
from provision.local.arm.filters import filtered

__all__ = ["page"]

PAGE = 100


def page(call: Call, items: list[Json]) -> Answer:
    """One page of a list. Raises ArmError 400 for a `$filter`, `$top` or `$skip` that cannot be read."""
    items = filtered(items, call.query.get("$filter"))
    top, skip = _number(call, "$top", PAGE), _number(call, "$skip", 0)
    shown = items[skip : skip + top]
    body: Json = {"value": shown, "count": len(items)}
    if skip + top < len(items) and top > 0:
        query = dict(call.query) | {"$skip": str(skip + top), "$top": str(top)}
        body["nextLink"] = f"{call.base_url}{call.path}?{urlencode(query, safe='$')}"
    return Answer(200, body)


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not text.isdigit() or len(text) > 9:
        raise ArmError(400, "InvalidQueryParameterValue", f"The query parameter '{name}' wants a number, not '{text}'.")
    return int(text)
