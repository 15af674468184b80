"""Values of Liquid templates: paths, literals and filters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape

from provision.local.apim.context import PolicyContext, Request, Response
from provision.local.apim.policies.values import as_text

__all__ = ["FILTERS", "Operand", "body_of", "context_of", "parse_operand", "text_of"]

Scope = dict[str, object]
Operand = Callable[[Scope], object]
Part = str | int

_PART = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\[\s*[\"']([^\"'\]]+)[\"']\s*\]")
_LITERAL = re.compile(r"\"([^\"]*)\"|'([^']*)'|(-?\d+(?:\.\d+)?)|(true|false|nil|null|empty|blank)")
_SPLIT = re.compile(r"\|(?=(?:[^\"']|\"[^\"]*\"|'[^']*')*$)")
_WORDS: dict[str, object] = {"true": True, "false": False, "nil": None, "null": None, "empty": "", "blank": ""}


def text_of(value: object) -> str:
    """As a template prints it: null is empty, objects are JSON."""
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else as_text(value)


def _join(value: object, separator: object) -> object:
    return text_of(separator).join(map(text_of, value)) if isinstance(value, list) else value


def _end(index: int) -> Callable[[object], object]:
    return lambda value: value[index] if isinstance(value, (list, str)) and value else None


FILTERS: dict[str, tuple[int, Callable[..., object]]] = {
    "append": (1, lambda value, other: text_of(value) + text_of(other)),
    "capitalize": (0, lambda value: text_of(value).capitalize()),
    "default": (1, lambda value, other: other if value in (None, "", False) else value),
    "downcase": (0, lambda value: text_of(value).lower()),
    "escape": (0, lambda value: escape(text_of(value), quote=True)),
    "first": (0, _end(0)),
    "join": (1, _join),
    "last": (0, _end(-1)),
    "prepend": (1, lambda value, other: text_of(other) + text_of(value)),
    "remove": (1, lambda value, other: text_of(value).replace(text_of(other), "")),
    "size": (0, lambda value: len(value) if isinstance(value, (str, list, dict)) else 0),
    "strip": (0, lambda value: text_of(value).strip()),
    "upcase": (0, lambda value: text_of(value).upper()),
}
"""Filters by name: how many arguments they take, and what they do."""


def parse_operand(text: str) -> Operand:
    """A path or literal with filters. Raises ValueError for what cannot run here."""
    first, *filters = _SPLIT.split(text)
    operand = _term(first.strip())
    for part in filters:
        operand = _filtered(operand, part.strip())
    return operand


def _filtered(operand: Operand, text: str) -> Operand:
    name, _, argument = (part.strip() for part in text.partition(":"))
    known = FILTERS.get(name)
    if known is None:
        raise ValueError(f"The Liquid filter '{name}' cannot run here; known: {', '.join(FILTERS)}.")
    count, apply = known
    if count == 0:
        return lambda scope: apply(operand(scope))
    other = _term(argument)
    return lambda scope: apply(operand(scope), other(scope))


def _term(text: str) -> Operand:
    literal = _LITERAL.fullmatch(text)
    if literal is not None:
        double, single, number, word = literal.groups()
        value = double if double is not None else single if single is not None else _literal(number, word)
        return lambda scope: value
    parts = _path(text)
    return lambda scope: _follow(scope, parts)


def _literal(number: str | None, word: str | None) -> object:
    if number is not None:
        return float(number) if "." in number else int(number)
    return _WORDS[word or "nil"]


def _path(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            raise ValueError(f"'{text}' is not a Liquid path that can run here.")
        name, index, key = match.groups()
        parts.append(int(index) if index is not None else name or key)
        at = match.end()
    if not parts:
        raise ValueError("A Liquid value is missing.")
    return tuple(parts)


def _follow(scope: Scope, parts: tuple[Part, ...]) -> object:
    value: object = scope
    for part in parts:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif part == "size" and isinstance(value, (list, str)):
            value = len(value)
        else:
            return None
    return value


def body_of(message: Request | Response) -> object:
    """The message's body: JSON if it is, else text."""
    try:
        return json.loads(message.body.data or b"null")
    except (ValueError, RecursionError):
        return (message.body.data or b"").decode(errors="replace")


def context_of(context: PolicyContext) -> Scope:
    """What templates see of the context."""
    request = context.request
    return {
        "Request": {
            "Method": request.method,
            "Headers": {name: request.headers.get(name) for name, _ in request.headers},
            "OriginalUrl": {"Host": request.original_url.host, "Path": request.original_url.path},
            "Url": {"Host": request.url.host, "Path": request.url.path},
            "MatchedParameters": dict(request.matched_parameters),
        },
        "Response": None if context.response is None else {"StatusCode": context.response.status_code},
        "Variables": context.variables,
        "Api": {"Id": context.api.id, "Name": context.api.name},
        "Operation": {"Id": context.operation.id, "Name": context.operation.name},
        "RequestId": str(context.request_id),
    }
