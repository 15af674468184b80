"""Microsoft's specification of ARM's providers (azure-rest-api-specs), read from a folder of OpenAPI 2 files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.provision.recording import KINDS, Call

__all__ = ["Operation", "Specification"]

Json = dict[str, Any]
METHODS = ("get", "put", "patch", "post", "delete", "head")


@dataclass(frozen=True)
class Placed:
    """A part of a file, which relative references in it start from."""

    value: Json
    file: Path


@dataclass(frozen=True)
class Operation:
    """One operation: its path template, and its parameters with their references resolved."""

    template: str
    parameters: tuple[Placed, ...]

    def required(self, place: str) -> list[str]:
        """The names of the required parameters in `query` or `header`."""
        chosen = [one.value for one in self.parameters if one.value["in"] == place and one.value.get("required")]
        return [str(one["name"]) for one in chosen]

    @property
    def body(self) -> Placed | None:
        """The schema of the body; None if the operation takes none."""
        return next((Placed(p.value["schema"], p.file) for p in self.parameters if p.value["in"] == "body"), None)


class Specification:
    """All operations of the files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._operations: dict[tuple[str, str], list[tuple[re.Pattern[str], Operation]]] = {}
        for path in sorted(folder.rglob("*.json")):
            if "examples" not in path.parts:
                self._add(path)

    def _add(self, path: Path) -> None:
        content = _read(path)
        version = (content.get("info") or {}).get("version")
        for template, methods in {**content.get("paths", {}), **content.get("x-ms-paths", {})}.items():
            shared = methods.get("parameters", [])
            for method in METHODS:
                if method in methods:
                    given = [*shared, *methods[method].get("parameters", [])]
                    operation = Operation(template, tuple(_resolved(Placed(one, path)) for one in given))
                    known = self._operations.setdefault((method.upper(), version), [])
                    known.append((_pattern(template), operation))

    def find(self, call: Call) -> Operation | None:
        """The operation of a call; None if the specification of its api-version has none."""
        known = self._operations.get((call.method, call.version), [])
        fitting = [operation for pattern, operation in known if pattern.fullmatch(call.path)]
        return min(fitting, key=lambda operation: operation.template.count("{"), default=None)

    def faults(self, call: Call) -> list[str]:
        """What a call has wrong: its method, path, parameters, fields or types."""
        operation = self.find(call)
        if operation is None:
            return [f"{call}: no such operation"]
        found = [f"query {name} is missing" for name in operation.required("query") if name not in call.query]
        sent = call.headers
        found += [f"header {name} is missing" for name in operation.required("header") if name.lower() not in sent]
        if call.body is not None and operation.body is None:
            found.append("the operation takes no body")
        if operation.body is not None and call.body is not None:
            found += faults_of(operation.body, call.body, "body")
        return [f"{call}: {fault}" for fault in found]

    def row(self, call: Call) -> Json:
        """The call as a row of operations.json: its operation, and the headers and fields that it requires."""
        operation = self.find(call)
        assert operation is not None
        row: Json = {"method": call.method, "path": operation.template, "version": call.version}
        if operation.required("header"):
            row["headers"] = operation.required("header")
        if operation.body is not None and call.body is not None:
            row["required"] = list(required_fields(operation.body))
        return row


def faults_of(schema: Placed, value: Any, place: str) -> Iterator[str]:
    """What a value has wrong by a schema: type, choice, missing, unknown and read-only fields."""
    merged = merged_schema(schema)
    if value is None or merged is None:
        return
    kind, wanted = KINDS[type(value)], merged.value.get("type")
    if wanted is not None and kind != wanted and (kind, wanted) != ("integer", "number"):
        yield f"{place} has type {kind}, not {wanted}"
        return
    closed = "enum" in merged.value and not (merged.value.get("x-ms-enum") or {}).get("modelAsString")
    if closed and value not in merged.value["enum"]:
        yield f"{place} is {value!r}, none of {merged.value['enum']}"
    if isinstance(value, list) and "items" in merged.value:
        for index, item in enumerate(value):
            yield from faults_of(Placed(merged.value["items"], merged.file), item, f"{place}[{index}]")
    if isinstance(value, dict):
        yield from _object_faults(merged, value, place)


def _object_faults(schema: Placed, value: Json, place: str) -> Iterator[str]:
    properties, rest = schema.value.get("properties", {}), schema.value.get("additionalProperties")
    yield from (f"{place}.{name} is missing" for name in schema.value.get("required", ()) if name not in value)
    for name, item in value.items():
        if name in properties:
            if properties[name].value.get("readOnly"):
                yield f"{place}.{name} is read-only"
            yield from faults_of(properties[name], item, f"{place}.{name}")
        elif isinstance(rest, dict):
            yield from faults_of(Placed(rest, schema.file), item, f"{place}.{name}")
        elif properties and not rest:
            yield f"{place}.{name} is not in the specification"


def required_fields(schema: Placed, place: str = "") -> Iterator[str]:
    """The dotted paths of the fields that every body must have."""
    merged = merged_schema(schema)
    for name in merged.value["required"] if merged is not None else ():
        path = f"{place}.{name}".lstrip(".")
        yield path
        if merged is not None and name in merged.value["properties"]:
            yield from required_fields(merged.value["properties"][name], path)


def merged_schema(schema: Placed) -> Placed | None:
    """A schema with its reference and its `allOf` merged; its `properties` are Placed. None: it is not at hand."""
    found = _resolved(schema)
    if "$ref" in found.value:
        return None
    whole: Json = {"properties": {}, "required": []}
    for part in found.value.get("allOf", []):
        base = merged_schema(Placed(part, found.file))
        if base is not None:
            whole = {**whole, **base.value}
    own = {name: Placed(part, found.file) for name, part in found.value.get("properties", {}).items()}
    required = [*whole["required"], *found.value.get("required", [])]
    merged = {**whole, **found.value, "properties": {**whole["properties"], **own}, "required": required}
    return Placed(merged, found.file)


def _resolved(part: Placed) -> Placed:
    """Follow references; a reference to a file that is not at hand stays."""
    while "$ref" in part.value:
        name, _, pointer = part.value["$ref"].partition("#")
        file = (part.file.parent / name).resolve() if name else part.file
        if not file.is_file():
            return part
        value: Any = _read(file)
        for step in pointer.strip("/").split("/"):
            value = value[step.replace("~1", "/").replace("~0", "~")]
        kept = {key: part.value[key] for key in ("readOnly",) if key in part.value}
        part = Placed({**value, **kept}, file)
    return part


@cache
def _read(path: Path) -> Json:
    content: Json = json.loads(path.read_text(encoding="utf-8-sig"))
    return content


def _pattern(template: str) -> re.Pattern[str]:
    """A template as a pattern: a parameter is one segment, `{scope}` and `{resourceId}` are many."""
    parts = re.split(r"(\{[^}]+\})", template.rstrip("/"))
    many = ("{scope}", "{resourceId}")
    text = "".join("/.+" if part in many else "[^/]+" if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile(text.replace("//.+", "/.+"), re.IGNORECASE)
