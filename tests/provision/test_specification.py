"""Every call that `up`, `status` and `down` send is one of Microsoft's specification of its api-version.

The everyday test compares the calls with operations.json, a table of facts. If TRIPCURVE_ARM_SPECS names a checkout of
azure-rest-api-specs, or TRIPCURVE_ARM_TYPES one of bicep-types-az, whose types are generated from it, the calls are
compared with Microsoft's own files, and so are those of the labs that ship. Parts of a checkout will do. Set
TRIPCURVE_UPDATE_GOLDEN as well to write the table anew.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.down import down_lab
from provision.lifecycle.state import StateFile
from provision.lifecycle.status import status_lab
from provision.resources.clouds import Cloud
from tests.provision.labs import (
    altered,
    make_identity,
    mock_lab,
    openai_lab,
    pool_lab,
    remove_identities,
    with_identity,
)
from tests.provision.recording import Call, flat_types, recorded
from tests.provision.resource_types import ResourceTypes
from tests.provision.specification import Specification
from tripcurve.lab import LABS, Lab, load_lab
from tripcurve.shipped import shipped_folder

SOURCES: dict[str, type[Specification] | type[ResourceTypes]] = {
    "TRIPCURVE_ARM_SPECS": Specification,
    "TRIPCURVE_ARM_TYPES": ResourceTypes,
}
UPDATE = "TRIPCURVE_UPDATE_GOLDEN"
FACTS = Path(__file__).parent / "operations.json"

UNDOCUMENTED = re.compile(r": body\.properties\.subscriptionKeyParameterNames\.bearer is not in the ")
"""Sent all the same: no version has it, but Microsoft's own samples send it, past the compiler's warning [AIG]."""


@pytest.fixture(scope="module")
def calls(control_plane: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Every call of the life of three labs, with changes in it; of the labs that ship too if a source is at hand."""
    from provision.resources.clouds import local

    cloud, folder, account = local(control_plane), tmp_path_factory.mktemp("states"), openai_lab()
    identity, _ = make_identity(account, cloud, "caller")
    pool = {"name": "openai-pool", "failure_response": 429, "session_affinity": "member"}
    pooled = pool_lab(api={"subscription": "master", "version": "v1"})
    labs = [
        mock_lab(api={"named_values": {"key": "value"}}, events=True),
        with_identity(account, identity),
        altered(pooled, pool=pool, gateway={"name": pooled.gateway.name, "sku": "PremiumV2"}),
    ]
    if any(os.environ.get(variable) for variable in SOURCES):
        shipped = [load_lab(path) for path in sorted(shipped_folder(LABS).glob("*.yaml"))]
        labs += [lab for lab in shipped if lab.gateway.kind == "apim"]
    with pytest.MonkeyPatch.context() as patch, recorded(cloud.management_url, patch) as found:
        for lab in labs:
            _live(lab, cloud, folder)
    remove_identities(account, cloud, identity)
    return found


def _live(lab: Lab, cloud: Cloud, folder: Path) -> None:
    """The life of a lab: it comes up, its rule and its gateway change, it loses what it has more than it needs."""
    state = StateFile.of(lab, cloud, folder)
    plan_lab(lab, cloud, state=state)
    apply_lab(lab, cloud, state=state)
    status_lab(lab, cloud, state=state)
    gateway = {**lab.gateway.model_dump(mode="json"), "publisher": {"name": "Fabrikam", "email": "a@fabrikam.com"}}
    changed = altered(lab, breaker={"trip_duration": "PT2M", "failure_response": 429}, gateway=gateway)
    apply_lab(changed, cloud, state=state)
    content = changed.model_dump(mode="json")
    pool, api = {**content["pool"], "session_affinity": None}, {**content["api"], "named_values": {}}
    smaller = altered(changed, backends=content["backends"][:1], pool=pool, api=api, events=False)
    apply_lab(smaller, cloud, state=state, until_answered=False)
    down_lab(smaller, cloud, purge=True, state=state)


def _fact(call: Call, facts: list[dict[str, Any]]) -> dict[str, Any] | None:
    for fact in facts:
        same = (fact["method"], fact["version"]) == (call.method, call.version)
        pattern = re.sub(r"\\\{scope\\\}", ".+", re.sub(r"\\\{(?!scope)\w+\\\}", "[^/]+", re.escape(fact["path"])))
        if same and re.fullmatch(pattern, call.path, re.IGNORECASE):
            return fact
    return None


def _differences(call: Call, fact: dict[str, Any]) -> list[str]:
    types, known = flat_types(call.body), fact.get("fields", {})
    return [
        *(f"{name} is missing" for name in fact.get("required", ()) if name not in types),
        *(f"header {name} is missing" for name in fact.get("headers", ()) if name.lower() not in call.headers),
        *(f"{name} has type {kind}, not {known.get(name)}" for name, kind in types.items() if known.get(name) != kind),
    ]


def test_every_call_is_in_the_table_of_facts(calls: list[Call]) -> None:
    facts = json.loads(FACTS.read_text("utf-8"))
    found = [(call, _fact(call, facts)) for call in calls]
    assert sorted({str(call) for call, fact in found if fact is None}) == []
    assert sorted({f"{call}: {text}" for call, fact in found for text in _differences(call, fact or {})}) == []
    used = [fact for _, fact in found]
    assert [f"{fact['method']} {fact['path']}" for fact in facts if fact not in used] == []


def test_a_tier_is_asked_for_with_an_api_version_that_has_it(calls: list[Call]) -> None:
    bodies = [(call.version, call.body) for call in calls if call.body is not None and call.method in ("PUT", "PATCH")]
    tiers = {(version, body["sku"]["name"]) for version, body in bodies if "properties" in body and "sku" in body}
    assert {version for version, tier in tiers if tier == "PremiumV2"} == {"2025-09-01-preview"}
    assert ("2024-05-01", "BasicV2") in tiers


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"method": "PATCH"}, None),
        ({"query": {"api-version": "2099-01-01"}}, None),
        ({"headers": {}}, []),
        ({"body": {"properties": {"url": "u"}}}, ["properties.scope is missing", "properties.displayName is missing"]),
        (
            {"body": {"properties": {"scope": 1, "displayName": "d"}}},
            ["properties.scope has type integer, not string"],
        ),
    ],
)
def test_a_wrong_call_is_found_by_the_table(calls: list[Call], change: dict[str, Any], fault: list[str] | None) -> None:
    call = next(one for one in calls if one.method == "PUT" and "/subscriptions/tripcurve-" in one.path)
    fact = _fact(dataclasses.replace(call, **change), json.loads(FACTS.read_text("utf-8")))
    if fault is None:
        assert fact is None
    else:
        assert fact is not None
        said = _differences(dataclasses.replace(call, **change), fact)
        assert [text for text in said if "url" not in text] == fault


@pytest.mark.parametrize("variable", SOURCES)
def test_every_call_is_one_of_microsofts_specification(calls: list[Call], variable: str) -> None:
    if not os.environ.get(variable):
        pytest.skip(f"set {variable} to a folder")
    source = SOURCES[variable](Path(os.environ[variable]))
    faults = {fault for call in calls for fault in source.faults(call)}
    assert sorted(fault for fault in faults if not UNDOCUMENTED.search(fault)) == []
    if os.environ.get(UPDATE):
        FACTS.write_text(json.dumps(_table(source, calls), indent=1) + "\n", "utf-8")


def _table(source: Specification | ResourceTypes, calls: list[Call]) -> list[dict[str, Any]]:
    """A row for each operation among the calls: what it requires, and the types of the fields that were sent."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for call in calls:
        row = source.row(call)
        row = rows.setdefault((row["method"], row["path"].lower(), row["version"]), row)
        if "required" in row:
            row["fields"] = dict(sorted({**row.get("fields", {}), **flat_types(call.body)}.items()))
    return [rows[key] for key in sorted(rows, key=lambda key: (key[1], key[0], key[2]))]


SPECIFICATION = {
    "swagger": "2.0",
    "info": {"version": "2026-01-01"},
    "paths": {
        "/groups/{group}/things/{thing}": {
            "parameters": [{"name": "api-version", "in": "query", "required": True, "type": "string"}],
            "put": {
                "parameters": [
                    {"$ref": "common.json#/parameters/match"},
                    {"name": "body", "in": "body", "schema": {"$ref": "#/definitions/Thing"}},
                ]
            },
        }
    },
    "definitions": {
        "Thing": {
            "allOf": [{"$ref": "common.json#/definitions/Base"}],
            "properties": {"count": {"type": "integer"}, "kind": {"type": "string", "enum": ["a", "b"]}},
        }
    },
}
COMMON = {
    "parameters": {"match": {"name": "If-Match", "in": "header", "required": True, "type": "string"}},
    "definitions": {
        "Base": {
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "id": {"type": "string", "readOnly": True},
                "parts": {"type": "array", "items": {"$ref": "#/definitions/Base"}},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                "far": {"$ref": "absent.json#/definitions/Unknown"},
            },
        }
    },
}


@pytest.fixture
def specification(tmp_path: Path) -> Specification:
    """A specification of one operation, in two files."""
    (tmp_path / "things.json").write_text(json.dumps(SPECIFICATION), "utf-8")
    (tmp_path / "common.json").write_text(json.dumps(COMMON), "utf-8")
    return Specification(tmp_path)


RIGHT = Call("PUT", "/Groups/g/things/t", {"api-version": "2026-01-01"}, {"if-match": "*"}, {"name": "n"})


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({}, []),
        ({"body": {"name": "n", "count": 1, "tags": {"a": "b"}, "parts": [{"name": "p"}], "far": {"any": 1}}}, []),
        ({"path": "/groups/g/things"}, ["no such operation"]),
        ({"method": "POST"}, ["no such operation"]),
        ({"query": {"api-version": "2025-01-01"}}, ["no such operation"]),
        ({"headers": {}}, ["header If-Match is missing"]),
        ({"body": {}}, ["body.name is missing"]),
        ({"body": {"name": 1}}, ["body.name has type integer, not string"]),
        ({"body": {"name": "n", "count": "1"}}, ["body.count has type string, not integer"]),
        ({"body": {"name": "n", "kind": "c"}}, ["body.kind is 'c', none of ['a', 'b']"]),
        ({"body": {"name": "n", "id": "x"}}, ["body.id is read-only"]),
        ({"body": {"name": "n", "size": 1}}, ["body.size is not in the specification"]),
        ({"body": {"name": "n", "parts": [{}]}}, ["body.parts[0].name is missing"]),
        ({"body": {"name": "n", "tags": {"a": 1}}}, ["body.tags.a has type integer, not string"]),
    ],
)
def test_a_call_is_compared_field_by_field(
    specification: Specification, change: dict[str, Any], faults: list[str]
) -> None:
    call = dataclasses.replace(RIGHT, **change)
    assert specification.faults(call) == [f"{call}: {fault}" for fault in faults]


def test_the_table_has_what_an_operation_requires_and_the_types_sent(specification: Specification) -> None:
    longer = dataclasses.replace(RIGHT, body={"name": "n", "parts": [{"name": "p"}]})
    assert _table(specification, [RIGHT, longer]) == [
        {
            "method": "PUT",
            "path": "/groups/{group}/things/{thing}",
            "version": "2026-01-01",
            "headers": ["If-Match"],
            "required": ["name"],
            "fields": {"name": "string", "parts": "array", "parts[]": "object", "parts[].name": "string"},
        }
    ]
