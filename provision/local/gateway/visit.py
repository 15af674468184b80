"""One client request on its way through a unit: the policies' context, and what only the unit needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from provision.local.gateway.context import PolicyContext

__all__ = ["HOP_BY_HOP", "Visit"]

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


@dataclass(slots=True)
class Visit(PolicyContext):
    """The context of one request. The fields here are about the last attempt to reach a backend."""

    client_host: str | None = None
    """The Host header as the client sent it; a policy that sets another one wants it to reach the backend."""
    attempts: int = 0
    backend_name: str | None = None
    backend_url: str | None = None
    backend_status: int | None = None
    backend_s: float = 0.0
    """Seconds until the backend's headers, all attempts together."""
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
