"""One client request on its way through a unit: the policies' context, and data that only the unit needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple

from provision.local.apim.context import PolicyContext, Url

__all__ = ["HOP_BY_HOP", "Attempt", "Visit"]

HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that concern one connection only and are not passed on."""


class Attempt(NamedTuple):
    """One call to a backend. `status` None: no response, because of `reason`. Times are seconds on the unit's clock."""

    backend: str | None
    url: Url
    status: int | None
    reason: str | None
    started: float
    took_s: float


@dataclass(slots=True)
class Visit(PolicyContext):
    """The context of one request, and the data that the unit collects about it."""

    client_host: str | None = None
    """The Host header as the client sent it. If a policy sets another, that one is sent to the backend."""
    tries: list[Attempt] = field(default_factory=list)
    """The calls made to backends, in order."""
    backend_name: str | None = None
    """The backend of the last call, or the one whose open breaker prevented a call."""
    open_body: AsyncIterator[bytes] | None = None
    """The body of a backend's response that may still be arriving. It is closed if nobody will read it."""
    session_cookie: str | None = None
    """The Set-Cookie value that binds the client to a pool's member, or None."""

    async def drop_body(self) -> None:
        """Close the body of a backend's response that has not been read."""
        body, self.open_body = self.open_body, None
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
