"""One client request on its way through a unit: the policies' context, and what only the unit needs."""

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
"""Headers that concern one connection only; neither side sees the other's."""


class Attempt(NamedTuple):
    """One call to a backend. `status` None: no answer, for `reason`. Times in seconds on the unit's clock."""

    backend: str | None
    url: Url
    status: int | None
    reason: str | None
    started: float
    took_s: float


@dataclass(slots=True)
class Visit(PolicyContext):
    """The context of one request, and what is noted about it on the way."""

    client_host: str | None = None
    """The Host header as the client sent it; a policy that sets another one wants it to reach the backend."""
    tries: list[Attempt] = field(default_factory=list)
    """Calls to backends that were made, in order."""
    backend_name: str | None = None
    """The backend of the last call, or the one whose open breaker made a call impossible."""
    open_body: AsyncIterator[bytes] | None = None
    """A backend's body that may still be arriving: closed when nobody will read it."""
    session_cookie: str | None = None
    """Set-Cookie that binds the client to a pool's member; None: nothing to set."""

    async def drop_body(self) -> None:
        """Give up a backend's body that has not been read."""
        body, self.open_body = self.open_body, None
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
