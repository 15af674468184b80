"""Serves which child processes run, and what they counted, at `/_local/health` and `/_local/counts`.

Any process that reaches the loopback port may read both. Neither contains a secret.
"""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from provision.local.supervisor import Child, ChildFailed, Json

__all__ = ["Health", "Watched"]


class Watched(Protocol):
    """Child processes that can be asked."""

    @property
    def dead(self) -> list[str]:
        """Return a sentence about each child that ended without being stopped."""
        ...

    def children(self) -> list[Child]:
        """Return every child."""
        ...

    async def counts(self) -> Json:
        """Return what the children counted. Raises ChildFailed."""
        ...


class Health:
    """Handles the requests about child processes."""

    def __init__(self, processes: Watched) -> None:
        self._processes = processes

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/_local/health", self.health)
        app.router.add_get("/_local/counts", self.counts)

    async def health(self, request: web.Request) -> web.Response:
        """Answer 200 while every child process runs, otherwise 503 and the names of those that died."""
        del request
        dead = self._processes.dead
        shown = [{"name": child.name, "pid": child.pid, "alive": child.alive} for child in self._processes.children()]
        return web.json_response({"healthy": not dead, "dead": dead, "processes": shown}, status=503 if dead else 200)

    async def counts(self, request: web.Request) -> web.Response:
        """Return what the child processes counted, or 503 if one of them does not answer."""
        del request
        try:
            return web.json_response(await self._processes.counts())
        except ChildFailed as error:
            return web.json_response({"error": str(error)}, status=503)
