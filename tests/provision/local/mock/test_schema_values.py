"""Values that are made for a schema validate against it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from provision.local.mock.errors import ApiError
from provision.local.mock.schema_values import value_of


class Step(BaseModel):
    explanation: str = Field(min_length=3, max_length=8)
    weight: float = Field(gt=0, lt=1)
    next: Step | None


class Plan(BaseModel):
    steps: list[Step] = Field(min_length=2)
    count: int = Field(ge=7, le=9, multiple_of=4)
    pair: tuple[int, str]
    tags: set[str]
    choice: Step | int


NUMBERS = st.sampled_from([None, -3, 0, 2, 2.5, 10])


@st.composite
def number_schemas(draw: st.DrawFn) -> dict[str, Any]:
    names = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    bounds = {name: value for name in names if (value := draw(NUMBERS)) is not None}
    return {"type": draw(st.sampled_from(["integer", "number"])), **bounds}


LEAVES = st.one_of(
    number_schemas(),
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "string", "minLength": 40},
            {"type": "string", "format": "date-time"},
            {"type": "boolean"},
            {"type": "null"},
            {"enum": ["a", 1]},
            {"const": None},
            {"type": ["null", "string"]},
            True,
            {},
        ]
    ),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.text("ab", max_size=2), inner, max_size=3).map(
            lambda parts: {
                "type": "object",
                "properties": parts,
                "required": list(parts),
                "additionalProperties": False,
            }
        ),
        st.builds(lambda item, n: {"type": "array", "items": item, "minItems": n}, inner, st.integers(0, 3)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts}),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_every_value_validates_against_its_schema(schema: Any) -> None:
    try:
        value = value_of(schema, "s")
    except ApiError:
        return  # no value was found, which is allowed for bounds that leave none
    jsonschema.validate(value, schema)


@pytest.mark.parametrize("model", [Step, Plan])
def test_schemas_of_pydantic_are_made_also_when_they_refer_to_themselves(model: type[BaseModel]) -> None:
    model.model_validate(value_of(model.model_json_schema(), "s"))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "(a+)+b"},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"type": "thing"},
        {"type": "object", "required": 3},
        {"type": "object", "properties": [1], "required": ["a"]},
        {"type": "array", "items": {"type": "null"}, "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"anyOf": []},
        {"allOf": ["a"]},
        {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"},
        False,
        None,
        7,
    ],
)
def test_a_schema_without_a_known_value_is_refused_by_name(schema: Any) -> None:
    with pytest.raises(ApiError) as caught:
        value_of(schema, "response_format 's'")
    assert caught.value.status == 400
    assert b"Invalid schema for 'response_format 's''" in caught.value.body


@pytest.mark.parametrize(
    "part",
    [{"const": "x" * 1_000_000}, {"enum": ["x" * 1_000_000]}, {"type": "object", "required": ["x" * 1_000_000]}],
)
def test_a_schema_cannot_make_a_huge_value_of_a_large_part(part: Any) -> None:
    schema = {"$defs": {"a": part}, "type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1000}
    with pytest.raises(ApiError):
        value_of(schema, "s")
