"""Microsoft's types of ARM's resources (bicep-types-az), read from a folder of types.json files.

They are generated from the specification: resource types, the fields of a PUT, and the functions that a POST calls.
They have no headers, no query parameters, and no reads of anything but resources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.provision.recording import KINDS, Call

__all__ = ["Address", "ResourceTypes", "taken_apart"]

Json = dict[str, Any]
REQUIRED, READ_ONLY = 1, 2
SUBSCRIPTION, GROUP, EXTENSION = 4, 8, 16
"""Bits of a property's `flags`, and of a type's scopes."""
ENVELOPE = ("id", "name", "type", "apiVersion")
"""Properties of each type that a call has in its address, and not in its body."""
JSON_KINDS = {
    "StringType": "string",
    "StringLiteralType": "string",
    "BooleanType": "boolean",
    "IntegerType": "integer",
    "ArrayType": "array",
    "ObjectType": "object",
    "DiscriminatedObjectType": "object",
}

UNTYPED = {
    ("GET", "microsoft.apimanagement"): "a read of the provider itself",
    ("GET", "microsoft.resources/resourcegroups/resources"): "the list of all resources of a group",
    ("GET", "microsoft.cognitiveservices/locations/models"): "the models of a region, which are no resources",
}
"""Calls of which the types know nothing, because they read no resource."""
OLDER = {("microsoft.web", "2025-05-01"): "2025-03-01"}
"""Versions that the types do not have yet, and the version that such calls are compared with instead."""


@dataclass(frozen=True)
class Address:
    """An ARM path taken apart. `types` has one item more than `names` for a list and for a function."""

    prefix: str
    scope: int
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    def type_name(self, length: int | None = None) -> str:
        """The full name of the type, or of its ancestor with so many segments, in lower case."""
        return "/".join((self.namespace, *self.types[:length])).lower()

    @property
    def is_resource(self) -> bool:
        return len(self.types) == len(self.names) > 0


def taken_apart(path: str) -> Address:
    """The parts of an ARM path; a resource group is a resource of Microsoft.Resources."""
    before, found, rest = path.rpartition("/providers/")
    if found:
        namespace, *segments = rest.split("/")
    else:
        _, root, subscription, *segments = path.split("/")
        before, namespace = f"/{root}/{subscription}", "Microsoft.Resources"
    if "/providers/" in before:
        prefix, scope = "/{scope}", EXTENSION
    elif "/resourcegroups/" in before.lower():
        prefix, scope = "/subscriptions/{subscription}/resourceGroups/{resourceGroup}", GROUP
    else:
        prefix, scope = "/subscriptions/{subscription}", SUBSCRIPTION
    return Address(f"{prefix}{found and '/providers/' + namespace}", scope, namespace, *_alternating(segments))


def _alternating(segments: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(segments[0::2]), tuple(segments[1::2])


@dataclass(frozen=True)
class Part:
    """One type of a file, and the whole file, which its references point into."""

    value: Json
    file: list[Json]

    def at(self, reference: Json) -> Part:
        return Part(self.file[int(reference["$ref"].removeprefix("#/"))], self.file)

    @property
    def kind(self) -> str:
        return str(self.value["$type"])

    @property
    def choices(self) -> list[Part]:
        """The members of a union; the type itself if it is none."""
        return [self.at(each) for each in self.value["elements"]] if self.kind == "UnionType" else [self]

    @property
    def literals(self) -> list[str]:
        """The known values of a string, also of one that allows others."""
        return [each.value["value"] for each in self.choices if each.kind == "StringLiteralType"]

    @cached_property
    def properties(self) -> dict[str, Json]:
        return {**self.value.get("baseProperties", {}), **self.value.get("properties", {})}


class ResourceTypes:
    """The types in a checkout of bicep-types-az, its folder `generated`, or a folder with parts of that."""

    def __init__(self, folder: Path) -> None:
        generated = folder / "generated"
        self._folder = generated if generated.is_dir() else folder
        self._files: dict[tuple[str, str], list[Part]] = {}

    def faults(self, call: Call) -> list[str]:
        """What a call has wrong: its type, version, method, name, fields or values."""
        return [f"{call}: {fault}" for fault in self._faults(call, taken_apart(call.path))]

    def row(self, call: Call) -> Json:
        """The call as a row of operations.json: method, path template, version, and the body's required fields."""
        address = taken_apart(call.path)
        row: Json = {"method": call.method, "path": self._template(call, address), "version": call.version}
        kind = self._type(call, address.type_name())
        if kind is not None and call.body is not None:
            row["required"] = list(_required(kind)) if call.method == "PUT" else []
        return row

    def _faults(self, call: Call, address: Address) -> Iterator[str]:
        if (call.method, address.type_name()) in UNTYPED:
            return
        if call.method == "POST":
            yield from self._function_faults(call, address)
            return
        kind = self._type(call, address.type_name())
        if kind is None:
            if not (call.method == "GET" and self._is_list_without_region(call, address)):
                yield "no such resource type in this version"
            return
        yield from self._method_faults(call, address, kind)
        if address.is_resource:
            yield from _name_faults(kind, address.names[-1])
        if call.body is not None:
            yield from _faults_of(_body_of(kind), call.body, "body", call.method == "PUT")

    def _method_faults(self, call: Call, address: Address, kind: Part) -> Iterator[str]:
        purges = call.method == "DELETE" and address.types[-1].lower().startswith("deleted")
        reads = call.method == "GET" or purges
        if not kind.value["readableScopes" if reads else "writableScopes"] & address.scope:
            yield f"the type cannot be {'read' if reads else 'written'} at this scope"
        if not address.is_resource and call.method != "GET":
            yield "this method needs the name of a resource"
        if call.method not in ("GET", "PUT", "PATCH", "DELETE"):
            yield "no resource has this method"
        if call.body is not None and call.method not in ("PUT", "PATCH"):
            yield "the operation takes no body"

    def _function_faults(self, call: Call, address: Address) -> Iterator[str]:
        owner, name = address.type_name(-1), address.types[-1].lower()
        functions = [part for part in self._parts(call) if part.kind == "ResourceFunctionType"]
        owned = [part for part in functions if part.value["resourceType"].lower() == owner]
        found = [part for part in owned if part.value["name"].lower() == name]
        if not found:
            yield f"the type has no function {address.types[-1]}"
        for part in found:
            if "input" in part.value and call.body is not None:
                yield from _faults_of(part.at(part.value["input"]), call.body, "body", True)
            elif call.body is not None:
                yield "the function takes no body"

    def _is_list_without_region(self, call: Call, address: Address) -> bool:
        """Whether this lists a whole subscription's resources of a type that otherwise names a region."""
        names = [part.value["name"].partition("@")[0].lower() for part in self._resource_types(call)]
        shortened = [name.replace("/locations", "").replace("/resourcegroups", "") for name in names]
        return not address.is_resource and address.scope == SUBSCRIPTION and address.type_name() in shortened

    def _type(self, call: Call, name: str) -> Part | None:
        """The resource type of this name, in lower case, in the call's version; None if there is none."""
        named = (part for part in self._resource_types(call) if part.value["name"].lower().partition("@")[0] == name)
        return next(named, None)

    def _resource_types(self, call: Call) -> list[Part]:
        return [part for part in self._parts(call) if part.kind == "ResourceType"]

    def _parts(self, call: Call) -> list[Part]:
        namespace = taken_apart(call.path).namespace.lower()
        version = OLDER.get((namespace, call.version), call.version)
        if (namespace, version) not in self._files:
            paths = sorted(self._folder.glob(f"*/{namespace}/{version}/types.json"))
            files = [json.loads(path.read_text("utf-8")) for path in paths]
            self._files[namespace, version] = [Part(value, file) for file in files for value in file]
        return self._files[namespace, version]

    def _template(self, call: Call, address: Address) -> str:
        """The path with a placeholder for each name that the types leave open."""
        steps = []
        for index, step in enumerate(address.types):
            known = self._type(call, address.type_name(index + 1))
            label = step if known is None else known.value["name"].partition("@")[0].rpartition("/")[2]
            steps.append(label)
            if index < len(address.names):
                fixed = known is not None and not _is_open(known)
                steps.append(address.names[index] if fixed else f"{{{_singular(label)}}}")
        return "/".join((address.prefix, *steps))


def _singular(label: str) -> str:
    return f"{label[:-3]}y" if label.endswith("ies") else label.removesuffix("s")


def _body_of(kind: Part) -> Part:
    return kind.at(kind.value["body"])


def _name_type(kind: Part) -> Part | None:
    """The type of a resource's name; None if each name has a type of its own."""
    name = _body_of(kind).properties.get("name")
    return None if name is None else kind.at(name["type"])


def _is_open(kind: Part) -> bool:
    """Whether the caller chooses the names of such resources."""
    name = _name_type(kind)
    return name is not None and not name.literals


def _name_faults(kind: Part, name: str) -> Iterator[str]:
    allowed = _name_type(kind)
    if allowed is not None:
        yield from _faults_of(allowed, name, "name", True)


def _required(kind: Part) -> Iterator[str]:
    """The dotted paths of the fields that every PUT of the type must have, also those below optional `properties`."""

    def below(part: Part, place: str) -> Iterator[str]:
        for name, field in part.properties.items():
            required = bool(field["flags"] & REQUIRED) and (place != "" or name not in ENVELOPE)
            if required:
                yield f"{place}{name}"
            if required or f"{place}{name}" == "properties":
                yield from below(part.at(field["type"]), f"{place}{name}.")

    return below(_body_of(kind), "")


def _faults_of(part: Part, value: Any, place: str, whole: bool) -> Iterator[str]:
    """What a value has wrong by its type. A body that is not `whole` may leave required fields out, as a PATCH does."""
    if value is None or part.kind == "AnyType":
        return
    if part.literals and isinstance(value, str):
        if value not in part.literals:
            yield f"{place} is {value!r}, none of {part.literals}"
    elif part.kind == "UnionType":
        yield from min((list(_faults_of(each, value, place, whole)) for each in part.choices), key=len)
    elif KINDS[type(value)] != JSON_KINDS[part.kind]:
        yield f"{place} has type {KINDS[type(value)]}, not {JSON_KINDS[part.kind]}"
    elif isinstance(value, dict):
        yield from _object_faults(part, value, place, whole)
    else:
        yield from _bound_faults(part, value, place)
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _faults_of(part.at(part.value["itemType"]), item, f"{place}[{index}]", whole)


def _bound_faults(part: Part, value: Any, place: str) -> Iterator[str]:
    """What a string, a number or a list has wrong by its bounds."""
    size, what = (value, "Value") if isinstance(value, int) else (len(value), "Length")
    least, most = part.value.get(f"min{what}"), part.value.get(f"max{what}")
    if (least is not None and size < least) or (most is not None and size > most):
        yield f"{place} has the {what.lower()} {size}, not {least} to {most}"
    pattern = part.value.get("pattern")
    if pattern is not None and not re.search(pattern, value):
        yield f"{place} is {value!r}, which does not match {pattern}"


def _object_faults(part: Part, value: Json, place: str, whole: bool) -> Iterator[str]:
    fields, rest = part.properties, part.value.get("additionalProperties")
    if part.kind == "DiscriminatedObjectType":
        choice = part.value["elements"].get(value.get(part.value["discriminator"]))
        if choice is None:
            yield f"{place}.{part.value['discriminator']} is none of {sorted(part.value['elements'])}"
            return
        fields = {**fields, **part.at(choice).properties}
    for name, field in fields.items():
        if whole and field["flags"] & REQUIRED and name not in value and not (place == "body" and name in ENVELOPE):
            yield f"{place}.{name} is missing"
    for name, item in value.items():
        if name in fields and fields[name]["flags"] & READ_ONLY:
            yield f"{place}.{name} is read-only"
        elif name in fields:
            yield from _faults_of(part.at(fields[name]["type"]), item, f"{place}.{name}", whole)
        elif rest is not None:
            yield from _faults_of(part.at(rest), item, f"{place}.{name}", whole)
        elif fields:
            yield f"{place}.{name} is not in the types"
