"""Make a value that validates against a JSON schema, for structured answers and the arguments of tools.

Of several alternatives the first that can be made is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import orjson

from provision.local.arm.call import Json
from provision.local.mock.errors import ApiError, bad_request

__all__ = ["value_of"]

MOST_DEPTH = 24
SHALLOW = 8
"""Below this depth, null and empty lists are preferred, so that a schema that refers to itself ends soon."""
MOST_PARTS = 5000
"""Most subschemas that are tried for one value, so that a schema cannot keep the mock busy. Literals count by size."""
PART_BYTES = 50
LONGEST_TEXT = 1000
MOST_ITEMS = 1000
WORDS = "A fault draws too much current"
_EXAMPLES = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "PT1M",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
}
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")

Schema = Json


class _CannotMake(Exception):
    """No value was found for a part of the schema; the message says for which."""


def value_of(schema: object, param: str) -> object:
    """Return a value that validates against `schema`. Raises ApiError 400, which names `param`, if none was found."""
    try:
        return _Sampler(schema).value(schema, 0)
    except _CannotMake as fault:
        raise _refused(param, str(fault)) from None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as fault:
        raise _refused(param, str(fault)[:200]) from None


def _refused(param: str, why: str) -> ApiError:
    return bad_request(f"Invalid schema for '{param}': {why}.", "invalid_json_schema", param)


class _Sampler:
    """Makes values for one schema, whose references lead to places within it."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._parts = 0
        self._makers: dict[str, Callable[[Schema, int], object]] = {
            "object": self._object,
            "array": self._array,
            "string": lambda schema, _: _text(schema),
            "integer": lambda schema, _: _number(schema, True),
            "number": lambda schema, _: _number(schema, False),
            "boolean": lambda *_: True,
            "null": lambda *_: None,
        }

    def value(self, schema: object, depth: int) -> object:
        """Return a value for a part of the schema at this depth. Raises _CannotMake."""
        self._spend(1)
        if depth > MOST_DEPTH:
            raise _CannotMake("it is nested too deeply")
        if schema is True:
            return WORDS
        if not isinstance(schema, dict):
            raise _CannotMake(f"{str(schema)[:40]!r} is not a schema that a value can match")
        self._spend(len(schema) // PART_BYTES)
        if "$ref" in schema:
            rest = {key: part for key, part in schema.items() if key != "$ref"}
            return self.value({**self._resolved(schema["$ref"]), **rest}, depth + 1)
        if "const" in schema:
            return self._literal(schema["const"])
        if schema.get("enum"):
            return self._literal(schema["enum"][0])
        if "allOf" in schema:
            return self.value(self._joined(schema), depth + 1)
        return self._first(self._alternatives(schema, depth), depth)

    def _deeper(self, schema: object, depth: int) -> object:
        return self.value(schema, depth + 1)

    def _spend(self, parts: int) -> None:
        self._parts += parts
        if self._parts > MOST_PARTS:
            raise _CannotMake("it has too many parts")

    def _literal(self, value: object) -> object:
        self._spend(len(orjson.dumps(value)) // PART_BYTES)
        return value

    def _alternatives(self, schema: Schema, depth: int) -> Iterator[Callable[[int], object]]:
        """Yield functions that make a value, one for each alternative of the schema."""
        for word in ("anyOf", "oneOf"):
            if word in schema:
                self._spend(len(schema[word]) // PART_BYTES)
                rest = {key: part for key, part in schema.items() if key != word}
                for part in sorted(schema[word], key=_is_not_null) if depth > SHALLOW else schema[word]:
                    merged = {**rest, **part} if isinstance(part, dict) else part
                    yield partial(self._deeper, merged)
                return
        kinds = schema.get("type", _implied(schema))
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if kind not in self._makers:
                raise _CannotMake(f"{str(kind)[:40]!r} is not a type")
            yield partial(self._makers[kind], schema)

    @staticmethod
    def _first(alternatives: Iterator[Callable[[int], object]], depth: int) -> object:
        fault = _CannotMake("it has no alternatives")
        for make in alternatives:
            try:
                return make(depth)
            except _CannotMake as found:
                fault = found
        raise fault

    def _object(self, schema: Schema, depth: int) -> Schema:
        properties, required = schema.get("properties") or {}, schema.get("required") or []
        self._spend(sum(map(len, required)) // PART_BYTES)
        return {name: self.value(properties.get(name, True), depth + 1) for name in required}

    def _array(self, schema: Schema, depth: int) -> list[object]:
        fewest = schema.get("minItems", 0)
        most = schema.get("maxItems", MOST_ITEMS)
        listed = schema.get("prefixItems") or []
        made = [self.value(part, depth + 1) for part in listed]
        count = max(fewest, min(1 if depth <= SHALLOW else 0, most)) - len(made)
        if count > MOST_ITEMS or (count > 1 and schema.get("uniqueItems")):
            raise _CannotMake(f"a list of {fewest} items is not supported")
        items = schema.get("items", not listed)
        try:
            return made + [self.value(items, depth + 1) for _ in range(count)]
        except _CannotMake:
            if fewest > len(made):
                raise
            return made

    def _resolved(self, reference: object) -> Schema:
        found = self._root
        for part in str(reference).removeprefix("#").strip("/").split("/"):
            if part:
                key = part.replace("~1", "/").replace("~0", "~")
                found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise _CannotMake(f"there is nothing at {str(reference)[:80]!r}")
        return found

    def _joined(self, schema: Schema) -> Schema:
        """Return one schema for all parts of `allOf`."""
        whole = {key: part for key, part in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            resolved = self._resolved(part["$ref"]) if "$ref" in part else part
            properties = {**(whole.get("properties") or {}), **(resolved.get("properties") or {})}
            required = [*(whole.get("required") or []), *(resolved.get("required") or [])]
            self._spend((len(whole) + len(properties) + len(required)) // PART_BYTES)
            whole = {**whole, **resolved}
            if properties:
                whole |= {"properties": properties, "required": required}
        return whole


def _implied(schema: Schema) -> str:
    """Return the type of a schema that names none."""
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _text(schema: Schema) -> str:
    low, high = schema.get("minLength", 0), schema.get("maxLength", LONGEST_TEXT)
    example = _EXAMPLES.get(str(schema.get("format")))
    if "pattern" in schema:
        raise _CannotMake("'pattern' is not permitted")  # as in Azure's structured outputs
    if low > LONGEST_TEXT:
        raise _CannotMake(f"minLength {low} is too long")
    if example is not None and low <= len(example) <= high:
        return example
    return WORDS.ljust(low, ".")[:high]


def _number(schema: Schema, whole: bool) -> int | float:
    step = schema.get("multipleOf") or (1 if whole else None)
    for candidate in _candidates([schema[name] for name in _BOUNDS if name in schema]):
        for number in [candidate] if step is None else [math.ceil(candidate / step) * step, candidate // step * step]:
            if _fits(schema, number) and (not whole or number == int(number)):
                return int(number) if whole else number
    raise _CannotMake("no number is within its bounds")


def _candidates(bounds: list[float]) -> Iterator[float]:
    yield from (1, 0)
    for bound in bounds:
        yield from (bound, bound + 1, bound - 1)
    if bounds:
        yield (min(bounds) + max(bounds)) / 2


def _fits(schema: Schema, number: float) -> bool:
    return bool(
        schema.get("minimum", -math.inf) <= number <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf) < number < schema.get("exclusiveMaximum", math.inf)
    )


def _is_not_null(schema: object) -> bool:
    return not (isinstance(schema, dict) and schema.get("type") == "null")
