"""One request to the control plane and its answer, independent of any web framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from provision.local.arm.errors import ArmError

__all__ = ["Answer", "ArmCall", "Handler", "Json", "properties_of"]

Json = dict[str, Any]


@dataclass(slots=True)
class ArmCall:
    """A request. `path` is as sent, without the query; `headers` have lower-case names.

    `body` is the parsed JSON; None if there was none. `base_url` is the control plane's URL, for links in answers.
    `object_id` is the caller's.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    base_url: str
    object_id: str = ""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def api_version(self) -> str:
        """The request's api-version, or "" if it has none."""
        return self.query.get("api-version", "")

    def json(self) -> Json:
        """Return the body as an object. Raises ArmError 400 if it is not one."""
        if not isinstance(self.body, dict):
            raise ArmError(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: it must be a JSON object.",
            )
        return self.body

    def properties(self) -> Json:
        """Return the body's `properties`, or an empty object if absent. Raises ArmError 400 if it is not an object."""
        return properties_of(self.json())


@dataclass(slots=True)
class Answer:
    """An answer. `body` None means no content. Header names are sent as they are."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[ArmCall], Awaitable[Answer]]


def properties_of(body: Json) -> Json:
    """Return a body's `properties`, or an empty object if absent. Raises ArmError 400 if it is not an object."""
    found = body.get("properties")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid: 'properties' must be an object.")
    return found
