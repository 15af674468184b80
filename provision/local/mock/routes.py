"""Parse a request target: the operation, the deployment and which of the two URL styles it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qs, unquote

__all__ = ["Route", "parse_target"]

_SLASHES = re.compile("/{2,}")


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
    if len(below) > 2 and below[0].lower() == "deployments":
        operation = "/".join(below[2:]).lower()
        return Route(path, operation, unquote(below[1]), "classic", version, rooted)
    if len(below) > 1 and below[0].lower() == "v1":
        return Route(path, "/".join(below[1:]).lower(), None, "v1", version, rooted)
    if [part.lower() for part in below] == ["responses"]:
        return Route(path, "responses", None, "classic", version, rooted)
    return None
