"""Finds the API and the operation that a request is for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from provision.local.gateway.config import ApiConfig, OperationConfig

__all__ = ["Match", "Router"]

_PARAMETER = re.compile(r"\{(\*?)([^{}]*)\}")
_CACHED = 4096
_CACHED_LENGTH = 512
"""The most paths to remember, because clients choose them and must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Match:
    """An operation that matches a request. `rest` is the path below the API's prefix, as it was sent."""

    api: ApiConfig
    operation: OperationConfig
    rest: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Template:
    """One operation's URL template, compiled. Parts are compared without case, as in API Management."""

    operation: OperationConfig
    method: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    rank: tuple[int, ...]


@dataclass(slots=True)
class _Routes:
    api: ApiConfig
    prefix: str
    templates: list[_Template] = field(default_factory=list)


class Router:
    """The APIs of a service. The longest matching prefix wins, and then the template with the most literal parts."""

    def __init__(self, apis: Iterable[ApiConfig]) -> None:
        self._routes = sorted((_routes(api) for api in apis), key=lambda routes: -len(routes.prefix))
        self._found: dict[tuple[str, str], Match | None] = {}

    def match(self, method: str, path: str) -> Match | None:
        """Return the operation for a method and an encoded path, or None if there is none."""
        if len(path) > _CACHED_LENGTH:
            return self._search(method, path)
        key = (method, path)
        if key in self._found:
            return self._found[key]
        if len(self._found) >= _CACHED:
            self._found.clear()
        found = self._found[key] = self._search(method, path)
        return found

    def api_of(self, path: str) -> ApiConfig | None:
        """Return the API whose prefix the path has, whatever the operation, or None."""
        return next((routes.api for routes in self._routes if _rest(routes.prefix, path) is not None), None)

    def _search(self, method: str, path: str) -> Match | None:
        for routes in self._routes:
            rest = _rest(routes.prefix, path)
            if rest is None:
                continue
            for template in routes.templates:
                hit = template.pattern.fullmatch(rest) if template.method in (method, "*") else None
                if hit is not None:
                    values = (unquote(value) if value else "" for value in hit.groups())
                    return Match(routes.api, template.operation, rest, dict(zip(template.names, values, strict=True)))
        return None


def _rest(prefix: str, path: str) -> str | None:
    """Return the path below a prefix, or None if the path is not below it."""
    if not prefix:
        return path
    if path[: len(prefix)].lower() != prefix:
        return None
    rest = path[len(prefix) :]
    return rest if not rest or rest[0] == "/" else None


def _routes(api: ApiConfig) -> _Routes:
    path = api.path.strip("/")
    routes = _Routes(api, f"/{path.lower()}" if path else "")
    routes.templates = sorted((_compile(operation) for operation in api.operations), key=lambda each: each.rank)
    return routes


def _compile(operation: OperationConfig) -> _Template:
    """Return a template as a pattern. Its query is not used for matching."""
    path = operation.url_template.partition("?")[0].strip("/")
    names: list[str] = []
    parts = [_segment(segment, names) for segment in path.split("/")] if path else []
    pattern = "".join(f"/{part}" if part != _REST else _TAIL for part in parts)
    rank = tuple(_openness(part) for part in parts)
    return _Template(
        operation,
        operation.method.upper(),
        re.compile(pattern + "/?", re.IGNORECASE | re.DOTALL),
        tuple(names),
        (*rank, _LITERAL),
    )


_REST = "(.*)"
_TAIL = "(?:/(.*))?"
_LITERAL, _PARTIAL, _OPEN, _WILD = range(4)


def _segment(segment: str, names: list[str]) -> str:
    if segment == "*":
        names.append("*")
        return _REST
    parts, at = [], 0
    for hole in _PARAMETER.finditer(segment):
        parts.append(re.escape(segment[at : hole.start()]))
        names.append(hole.group(2))
        parts.append(_REST if hole.group(1) else "([^/]+)")
        at = hole.end()
    return "".join(parts) + re.escape(segment[at:])


def _openness(part: str) -> int:
    if part == _REST:
        return _WILD
    return _OPEN if part == "([^/]+)" else _PARTIAL if "(" in part.replace(r"\(", "") else _LITERAL
