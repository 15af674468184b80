"""The part of Liquid that set-body's templates run here: output of paths, with a few filters.

`{{ body.choices[0].text }}`, `{{ context.Variables["x"] }}`, `{{ context.Request.Method }}`, and the filters
below. Tags (`{% if %}` and the like) are refused when the document is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from typing import cast

from provision.local.gateway.context import PolicyContext, Request, Response
from provision.local.gateway.policies.elements import Parsed
from provision.local.gateway.policies.reading import Node
from provision.local.gateway.policies.values import Constant, as_text

__all__ = ["FILTERS", "Template", "compile_template"]

FILTERS: dict[str, Callable[[str], str]] = {
    "downcase": str.lower,
    "upcase": str.upper,
    "strip": str.strip,
    "escape": lambda text: escape(text, quote=True),
    "size": lambda text: str(len(text)),
}
_OUTPUT = re.compile(r"\{\{([^{}]*)\}\}|\{%[^{}]*\}")
_PART = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\[\s*[\"']([^\"'\]]+)[\"']\s*\]")

Part = str | int
Piece = str | tuple[tuple[Part, ...], tuple[Callable[[str], str], ...]]


class Template:
    """A compiled template. What a path does not find is empty."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self._pieces = pieces

    def render(self, context: PolicyContext, message: Request | Response) -> str:
        roots = {"body": _body(message), "context": _context(context)}
        return "".join(piece if isinstance(piece, str) else _output(piece, roots) for piece in self._pieces)


def compile_template(parsed: Parsed) -> Template:
    """Compile set-body's text. Raises PolicyError for tags, unknown filters and unknown roots."""
    text = str(cast(Constant, parsed.text).value)
    pieces: list[Piece] = []
    at = 0
    for match in _OUTPUT.finditer(text):
        if match.group(1) is None:
            raise parsed.node.error(f"The Liquid tag '{match.group()}' cannot run on the local gateway.")
        pieces += (text[at : match.start()], _piece(match.group(1), parsed.node))
        at = match.end()
    pieces.append(text[at:])
    if any(isinstance(piece, str) and ("{{" in piece or "{%" in piece) for piece in pieces):
        raise parsed.node.error("A Liquid output or tag is never closed.")
    return Template(tuple(pieces))


def _piece(text: str, node: Node) -> Piece:
    path, *filters = (part.strip() for part in text.split("|"))
    unknown = [name for name in filters if name not in FILTERS]
    if unknown:
        raise node.error(f"The Liquid filter '{unknown[0]}' cannot run here; known: {', '.join(FILTERS)}.")
    parts: list[Part] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            raise node.error(f"'{path}' is not a Liquid path that can run here.")
        name, index, key = match.groups()
        parts.append(int(index) if index is not None else name or key)
        at = match.end()
    if not parts or parts[0] not in ("body", "context"):
        raise node.error(f"'{path}' must begin with body or context.")
    return tuple(parts), tuple(FILTERS[name] for name in filters)


def _output(piece: tuple[tuple[Part, ...], tuple[Callable[[str], str], ...]], roots: dict[str, object]) -> str:
    parts, filters = piece
    value: object = roots
    for part in parts:
        value = _step(value, part)
    text = _text(value)
    for apply in filters:
        text = apply(text)
    return text


def _step(value: object, part: Part) -> object:
    if isinstance(value, dict):
        return value.get(str(part))
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _text(value: object) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    return as_text(value)


def _body(message: Request | Response) -> object:
    try:
        return json.loads(message.body.data or b"null")
    except (ValueError, RecursionError):
        return (message.body.data or b"").decode(errors="replace")


def _context(context: PolicyContext) -> dict[str, object]:
    request = context.request
    headers = {name: request.headers.get(name) for name, _ in request.headers}
    return {
        "Request": {
            "Method": request.method,
            "Headers": headers,
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
