"""The form that a request gives its answer."""

from __future__ import annotations

from typing import Any

import pytest

from provision.local.mock.errors import ApiError
from provision.local.mock.forms import Form, chat_form, response_form

TOOL = {"name": "tell", "parameters": {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}}
OTHER = {"name": "other"}
SCHEMA = {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]}


def chat(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "json, please"}], **more}


def tools(*functions: Any) -> list[Any]:
    return [{"type": "function", "function": function} for function in functions]


@pytest.mark.parametrize(
    ("more", "form"),
    [
        ({}, None),
        ({"tools": tools(TOOL)}, None),
        ({"tools": tools(TOOL), "tool_choice": "auto"}, None),
        ({"tools": tools(TOOL), "tool_choice": "none"}, None),
        ({"tools": tools(TOOL, OTHER), "tool_choice": "required"}, Form('{"a":1}', "tell", "tool_calls")),
        (
            {"tools": tools(OTHER, TOOL), "tool_choice": {"type": "function", "function": {"name": "tell"}}},
            Form('{"a":1}', "tell", "stop"),
        ),
        ({"functions": [TOOL], "function_call": "auto"}, None),
        ({"functions": [TOOL], "function_call": {"name": "tell"}}, Form('{"a":1}', "tell", "stop", legacy=True)),
        ({"response_format": {"type": "text"}}, None),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}},
            Form('{"b":true}'),
        ),
    ],
)
def test_a_chat_completion_gets_the_form_that_it_asks_for(more: dict[str, Any], form: Form | None) -> None:
    assert chat_form(chat(**more)) == form


@pytest.mark.parametrize(
    ("more", "form"),
    [
        ({"tools": [{"type": "function", **TOOL}], "tool_choice": "required"}, Form('{"a":1}', "tell", "tool_calls")),
        (
            {"tools": [{"type": "function", **TOOL}], "tool_choice": {"type": "function", "name": "tell"}},
            Form('{"a":1}', "tell", "stop"),
        ),
        ({"tools": [{"type": "web_search"}]}, None),
        ({"text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}}}, Form('{"b":true}')),
        ({"text": {"verbosity": "low"}}, None),
    ],
)
def test_a_response_gets_the_form_that_it_asks_for(more: dict[str, Any], form: Form | None) -> None:
    assert response_form({"input": "Hello", **more}) == form


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tool_choice": "required"}, b"only allowed when tools are specified"),
        ({"tools": tools(TOOL), "tool_choice": {"type": "function", "function": {"name": "x"}}}, b"'x' not found"),
        ({"tools": 3, "tool_choice": "required"}, b"Invalid type for 'tools'"),
        ({"tools": [3], "tool_choice": "required"}, b"Invalid type for 'tools[0]'"),
        ({"response_format": {"type": "xml"}}, b"Supported values are"),
        ({"response_format": {"type": "json_schema"}}, b"response_format.json_schema.name"),
        ({"messages": [], "response_format": {"type": "json_object"}}, b"must contain the word 'json'"),
    ],
)
def test_a_form_that_cannot_be_given_is_a_400(more: dict[str, Any], words: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        chat_form(chat(**more))
    assert caught.value.status == 400
    assert words in caught.value.body
