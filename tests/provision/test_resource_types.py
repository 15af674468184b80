"""The reader of Microsoft's types finds each wrong call."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.provision.recording import Call
from tests.provision.resource_types import ResourceTypes


def string(**bounds: Any) -> dict[str, Any]:
    return {"$type": "StringType", **bounds}


def field(index: int, flags: int = 0) -> dict[str, Any]:
    return {"type": {"$ref": f"#/{index}"}, "flags": flags}


TYPES: list[dict[str, Any]] = [
    {"$type": "ResourceType", "name": "Contoso.Lab/things@2026-01-01", "body": {"$ref": "#/3"}}
    | {"readableScopes": 8, "writableScopes": 8},
    {"$type": "ResourceType", "name": "Contoso.Lab/locations/deletedThings@2026-01-01", "body": {"$ref": "#/3"}}
    | {"readableScopes": 4, "writableScopes": 0},
    {"$type": "ResourceFunctionType", "name": "listKeys", "resourceType": "Contoso.Lab/things", "output": {}},
    {
        "$type": "ObjectType",
        "name": "Thing",
        "properties": {"name": field(4, 9), "id": field(5, 10), "location": field(5, 1), "properties": field(6)},
    },
    string(minLength=2, maxLength=4, pattern="^[a-z]+$"),
    string(),
    {
        "$type": "ObjectType",
        "name": "ThingProperties",
        "properties": {
            "path": field(4, 1),
            "count": field(7),
            "kind": field(8),
            "parts": field(11),
            "tags": field(12),
            "state": field(5, 2),
            "target": field(13),
        },
    },
    {"$type": "IntegerType", "minValue": 1, "maxValue": 9},
    {"$type": "UnionType", "elements": [{"$ref": "#/9"}, {"$ref": "#/10"}, {"$ref": "#/5"}]},
    {"$type": "StringLiteralType", "value": "a"},
    {"$type": "StringLiteralType", "value": "b"},
    {"$type": "ArrayType", "itemType": {"$ref": "#/4"}, "maxLength": 2},
    {"$type": "ObjectType", "name": "Tags", "properties": {}, "additionalProperties": {"$ref": "#/5"}},
    {
        "$type": "DiscriminatedObjectType",
        "name": "Target",
        "discriminator": "kind",
        "baseProperties": {},
        "elements": {"Queue": {"$ref": "#/14"}},
    },
    {"$type": "ObjectType", "name": "Queue", "properties": {"kind": field(15, 1), "size": field(7, 1)}},
    {"$type": "StringLiteralType", "value": "Queue"},
    {"$type": "ResourceType", "name": "Contoso.Lab/things/policies@2026-01-01", "body": {"$ref": "#/17"}}
    | {"readableScopes": 8, "writableScopes": 8},
    {"$type": "ObjectType", "name": "Policy", "properties": {"name": field(9, 9), "properties": field(12)}},
]
THINGS = "/subscriptions/s/resourceGroups/g/providers/Contoso.Lab/things"
DELETED = "/subscriptions/s/providers/Contoso.Lab"
VERSION = {"api-version": "2026-01-01"}
GOOD = Call("PUT", f"{THINGS}/abc", VERSION, {}, {"location": "here", "properties": {"path": "ab"}})


@pytest.fixture
def types(tmp_path: Path) -> ResourceTypes:
    """The types of one version of one provider."""
    file = tmp_path / "generated/contoso/contoso.lab/2026-01-01/types.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(TYPES), "utf-8")
    return ResourceTypes(tmp_path)


@pytest.mark.parametrize(
    ("method", "path", "faults"),
    [
        ("GET", f"{THINGS}/abc", []),
        ("GET", THINGS, []),
        ("DELETE", f"{THINGS}/abc", []),
        ("POST", f"{THINGS}/abc/listKeys", []),
        ("GET", f"{DELETED}/deletedThings", []),
        ("DELETE", f"{DELETED}/locations/l/deletedThings/abc", []),
        ("GET", f"{THINGS}/abc/policies/a", []),
        ("GET", f"{THINGS}/abc/policies/other", ["name is 'other', none of ['a']"]),
        ("GET", f"{THINGS}/a", ["name has the length 1, not 2 to 4"]),
        ("GET", f"{THINGS}/ABC", ["name is 'ABC', which does not match ^[a-z]+$"]),
        ("GET", f"{THINGS}/abc/parts/p", ["no such resource type in this version"]),
        ("GET", "/subscriptions/s/providers/Contoso.Lab/things/abc", ["the type cannot be read at this scope"]),
        ("PUT", f"{DELETED}/locations/l/deletedThings/abc", ["the type cannot be written at this scope"]),
        ("DELETE", THINGS, ["this method needs the name of a resource"]),
        ("HEAD", f"{THINGS}/abc", ["no resource has this method"]),
        ("POST", f"{THINGS}/abc/listSecrets", ["the type has no function listSecrets"]),
    ],
)
def test_a_call_without_a_body_is_possible_for_its_type(
    types: ResourceTypes, method: str, path: str, faults: list[str]
) -> None:
    call = Call(method, path, VERSION, {}, None)
    assert types.faults(call) == [f"{call}: {fault}" for fault in faults]
    later = dataclasses.replace(call, query={"api-version": "2026-02-01"})
    assert len(types.faults(later)) == 1


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"count": 9, "kind": "b", "parts": ["ab"], "tags": {"x": "y"}}, []),
        ({"path": None}, []),
        ({"target": {"kind": "Queue", "size": 1}}, []),
        ({"path": 1}, ["path has type integer, not string"]),
        ({"path": "a"}, ["path has the length 1, not 2 to 4"]),
        ({"count": True}, ["count has type boolean, not integer"]),
        ({"count": 10}, ["count has the value 10, not 1 to 9"]),
        ({"kind": "c"}, ["kind is 'c', none of ['a', 'b']"]),
        ({"kind": 1}, ["kind has type integer, not string"]),
        (
            {"parts": ["ab", "ab", "abcde"]},
            ["parts has the length 3, not None to 2", "parts[2] has the length 5, not 2 to 4"],
        ),
        ({"tags": {"x": 1}}, ["tags.x has type integer, not string"]),
        ({"state": "done"}, ["state is read-only"]),
        ({"size": 1}, ["size is not in the types"]),
        ({"target": {"kind": "Hub"}}, ["target.kind is none of ['Queue']"]),
        ({"target": {"kind": "Queue"}}, ["target.size is missing"]),
    ],
)
def test_a_body_is_compared_with_the_types_field_by_field(
    types: ResourceTypes, change: dict[str, Any], faults: list[str]
) -> None:
    call = dataclasses.replace(GOOD, body={"location": "here", "properties": {"path": "ab", **change}})
    assert types.faults(call) == [f"{call}: body.properties.{fault}" for fault in faults]


def test_only_a_put_needs_every_field(types: ResourceTypes) -> None:
    empty = dataclasses.replace(GOOD, body={"properties": {}})
    assert types.faults(empty) == [f"{empty}: body.{name} is missing" for name in ("location", "properties.path")]
    assert types.faults(dataclasses.replace(empty, method="PATCH")) == []
    posted = dataclasses.replace(empty, method="POST", path=f"{THINGS}/abc/listKeys")
    assert types.faults(posted) == [f"{posted}: the function takes no body"]


def test_a_row_of_the_table_has_a_placeholder_for_each_name_that_is_free(types: ResourceTypes) -> None:
    group = "/subscriptions/{subscription}/resourceGroups/{resourceGroup}"
    assert types.row(GOOD) == {
        "method": "PUT",
        "path": f"{group}/providers/Contoso.Lab/things/{{thing}}",
        "version": "2026-01-01",
        "required": ["location", "properties.path"],
    }
    policy = Call("GET", f"{THINGS}/abc/POLICIES/a", VERSION, {}, None)
    assert types.row(policy)["path"] == f"{group}/providers/Contoso.Lab/things/{{thing}}/policies/a"
