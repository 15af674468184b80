"""One request to the control plane and its answer, free of any web framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from provision.local.arm.errors import ArmError

__all__ = ["Answer", "Call", "Handler", "Json"]

Json = dict[str, Any]


@dataclass(slots=True)
class Call:
    """`path` as sent, without query; `headers` lower case; `body` parsed JSON, None when there was none.

    `base_url` is the control plane's own URL, for links in answers.
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
        return self.query.get("api-version", "")

    def json(self) -> Json:
        """The body as an object. Raises ArmError 400 when it is anything else."""
        if not isinstance(self.body, dict):
            raise ArmError(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: a JSON object is wanted.",
            )
        return self.body

    def properties(self) -> Json:
        """The body's `properties`; empty when absent. Raises ArmError 400 when it is no object."""
        found = self.json().get("properties")
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise ArmError(400, "InvalidRequestContent", "The request content was invalid: 'properties' is no object.")
        return found


@dataclass(slots=True)
class Answer:
    """`body` None: no content. Header names as they go out."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Answer]]
