"""The fields of a backend that API Management's older api-versions do not have [SPEC26].

A PUT that names such a field is refused in an older version. A GET in an older version does not show it, so that a
client that reads, changes and writes with an older version loses it, as on Azure.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from provision.local.arm.call import Json

__all__ = ["newer_fields", "without_newer_fields"]

SINCE = "2025-03-01"
"""Date of the first api-version with these fields."""
NEWER = {
    "": ("azureRegion",),
    "credentials": ("managedIdentity",),
    "pool": ("failureResponse", "sessionAffinity"),
}
RULE, MEMBER = ("failureResponse",), ("preferredCarbonEmission",)
Owner = tuple[str, Json, tuple[str, ...]]


def newer_fields(properties: Json, version: str) -> list[tuple[str, str]]:
    """Return a fault, as path and message, for each field that this api-version does not have."""
    if version >= SINCE:
        return []
    return [
        (f"{place}.{key}".lstrip("."), f"Could not find member '{key}' on object of the type in api-version {version}.")
        for place, owner, keys in _owners(properties)
        for key in keys
        if owner.get(key) is not None
    ]


def without_newer_fields(properties: Json, version: str) -> Json:
    """Return the properties as this api-version shows them."""
    if version >= SINCE:
        return properties
    shown = copy.deepcopy(properties)
    for _, owner, keys in _owners(shown):
        for key in keys:
            owner.pop(key, None)
    return shown


def _owners(properties: Json) -> Iterator[Owner]:
    """Yield each object that newer versions extended: its path, the object, and the names of its newer fields."""
    for place, keys in NEWER.items():
        owner = properties if place == "" else properties.get(place)
        if isinstance(owner, dict):
            yield place, owner, keys
    yield from _items(properties, "circuitBreaker", "rules", RULE)
    yield from _items(properties, "pool", "services", MEMBER)


def _items(properties: Json, owner: str, name: str, keys: tuple[str, ...]) -> Iterator[Owner]:
    """Yield each object of the list `name` in the property `owner`, as `_owners` does."""
    held = properties.get(owner)
    found = held.get(name) if isinstance(held, dict) else None
    for index, item in enumerate(found if isinstance(found, list) else []):
        if isinstance(item, dict):
            yield f"{owner}.{name}[{index}]", item, keys
