"""Parse a request target: the operation, the deployment and which of the two URL styles it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qs, unquote

__all__ = ["Route", "parse_target"]

_SLASHES = re.compile("/{2,}")
_COLLECTIONS = ("responses", "models")
"""Operations whose items have paths of their own, such as `responses/resp_1`."""


@dataclass(frozen=True, slots=True)
class Route:
    """A parsed target. `deployment` None: the body's `model` names it. `api_version` None: not given."""

    path: str
    operation: str
    """Path of the operation below the deployment in lower case, such as `chat/completions`."""
    deployment: str | None
    style: Literal["classic", "v1"]
    api_version: str | None
    rooted: bool = True
    """Whether the path begins with /openai, as Azure OpenAI requires."""
    item: str | None = None
    """The response or model that the path names; None if it names none."""


@lru_cache(maxsize=512)
def parse_target(target: str) -> Route | None:
    """Return the route of a request target; None if it has neither of the two URL styles.

    Repeated slashes count as one, because an account's endpoint ends with a slash and labs append `/openai` to it.
    """
    raw, _, query = target.partition("?")
    path = _SLASHES.sub("/", raw)
    parts = path.strip("/").split("/")
    rooted = parts[0].lower() == "openai"
    below = parts[1:] if rooted else parts
    versions = parse_qs(query, max_num_fields=100).get("api-version") if query.count("&") < 100 else None
    version = None if versions is None else versions[0]
    return _route(path, below, version, rooted)


def _route(path: str, below: list[str], version: str | None, rooted: bool) -> Route | None:
    words = [part.lower() for part in below]
    if len(below) > 2 and words[0] == "deployments":
        return Route(path, "/".join(words[2:]), unquote(below[1]), "classic", version, rooted)
    if len(below) > 1 and words[0] == "v1":
        return _bare(path, words[1:], below[1:], "v1", version, rooted)
    if words[:1] and words[0] in _COLLECTIONS and len(words) <= 2:
        return _bare(path, words, below, "classic", version, rooted)
    return None


def _bare(
    path: str, words: list[str], below: list[str], style: Literal["classic", "v1"], version: str | None, rooted: bool
) -> Route:
    """Return the route of a path that names no deployment; `words` is `below` in lower case."""
    if words[0] in _COLLECTIONS and len(words) == 2:
        return Route(path, words[0], None, style, version, rooted, unquote(below[1]))
    return Route(path, "/".join(words), None, style, version, rooted)
