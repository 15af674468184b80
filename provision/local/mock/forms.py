"""The form that a request gives its answer: JSON of a schema, or a call of a tool."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from provision.local.arm.call import Json
from provision.local.mock.errors import bad_request, invalid_type
from provision.local.mock.schema_values import value_of

__all__ = ["Form", "chat_form", "response_form"]


@dataclass(frozen=True, slots=True)
class Form:
    """An answer with a fixed text: JSON, or the arguments of a call.

    `call`: the function to call; None: the text is the answer itself. `finish` is the finish reason of a call.
    `legacy`: the call is a `function_call`, as before there were tools.
    """

    text: str
    call: str | None = None
    finish: str = "stop"
    legacy: bool = False


def chat_form(body: Json) -> Form | None:
    """Return the form of a chat completion; None for plain text. Raises ApiError 400 for a wrong field."""
    choice = body.get("tool_choice")
    if choice is not None or body.get("tools") is not None:
        listed = [_object(tool, f"tools[{i}]") for i, tool in enumerate(_list(body, "tools"))]
        tools = [_object(tool.get("function"), "tools.function") for tool in listed if tool.get("type") == "function"]
        named = choice.get("function") if isinstance(choice, dict) else None
        call = _call(tools, choice, named, "tool_choice", "tool_calls", False)
        if call is not None:
            return call
    if body.get("functions") is not None:
        functions = [_object(each, f"functions[{i}]") for i, each in enumerate(_list(body, "functions"))]
        choice = body.get("function_call")
        call = _call(functions, choice, choice, "function_call", "function_call", True)
        if call is not None:
            return call
    shape = body.get("response_format")
    if not isinstance(shape, dict):
        return None
    described = shape.get("json_schema") if shape.get("type") == "json_schema" else None
    return _json_form(shape, described, body.get("messages"), "response_format", "response_format.json_schema")


def response_form(body: Json) -> Form | None:
    """Return the form of a response, as `chat_form` does for a chat completion."""
    choice = body.get("tool_choice")
    if choice is not None or body.get("tools") is not None:
        listed = [_object(tool, f"tools[{i}]") for i, tool in enumerate(_list(body, "tools"))]
        tools = [tool for tool in listed if tool.get("type") == "function"]
        call = _call(tools, choice, choice, "tool_choice", "tool_calls", False)
        if call is not None:
            return call
    text = body.get("text")
    shape = text.get("format") if isinstance(text, dict) else None
    if not isinstance(shape, dict):
        return None
    return _json_form(shape, shape, body.get("input"), "text.format", "text.format")


def _call(tools: list[Json], choice: object, named: object, param: str, finish: str, legacy: bool) -> Form | None:
    """Return the call that a request forces; None if the model is free to answer with text."""
    if choice in (None, "auto", "none"):
        return None
    if not tools:
        raise bad_request(f"'{param}' is only allowed when tools are specified.", "invalid_value", param)
    if choice == "required":
        return _form(tools[0], finish, legacy)
    if isinstance(choice, str):
        raise bad_request(f"Invalid value for '{param}': '{choice[:40]}'.", "invalid_value", param)
    wanted = named.get("name") if isinstance(named, dict) else None
    if wanted is None:
        return None
    found = next((tool for tool in tools if tool.get("name") == wanted), None)
    if found is None:
        raise bad_request(f"Tool choice '{str(wanted)[:80]}' not found in the tools.", "invalid_value", param)
    return _form(found, "stop", legacy)


def _form(tool: Json, finish: str, legacy: bool) -> Form:
    schema = tool.get("parameters") or {"type": "object"}
    name = str(tool.get("name"))
    return Form(_text(value_of(schema, f"function '{name[:64]}'")), name, finish, legacy)


def _json_form(shape: Json, described: object, asked: object, param: str, schema_param: str) -> Form | None:
    kind = shape.get("type")
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        if b"json" not in orjson.dumps(asked).lower():
            raise bad_request(
                f"'messages' must contain the word 'json' in some form, to use '{param}' of type 'json_object'.",
                param="messages",
            )
        return Form('{"answer":"A fault draws too much current"}')
    if kind != "json_schema":
        raise bad_request(
            f"Invalid value: '{str(kind)[:40]}'. Supported values are: 'json_object', 'json_schema', and 'text'.",
            "invalid_value",
            f"{param}.type",
        )
    named = described if isinstance(described, dict) else {}
    for name in ("name", "schema"):
        if name not in named:
            missing = f"{schema_param}.{name}"
            raise bad_request(f"Missing required parameter: '{missing}'.", "missing_required_parameter", missing)
    return Form(_text(value_of(named["schema"], f"{param} '{str(named['name'])[:64]}'")))


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _list(body: Json, name: str) -> list[object]:
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid_type(name, "an array of objects", value)
    return value


def _object(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise invalid_type(where, "an object", value)
    return value
