"""The mock as a child process: it reads JSON lines with its configuration on stdin, and answers on stdout."""

from __future__ import annotations

import asyncio
import signal

import orjson
from pydantic import ValidationError

from provision.local.mock.service import Mock
from provision.local.mock.snapshot import Snapshot
from provision.local.parent import lines_from_parent, tell_parent
from provision.local.wire.limits import Limits
from provision.local.wire.server import Server
from tripcurve.field_errors import field_errors

__all__ = ["run_child"]

LONGEST_LINE = 64 * 1024 * 1024


async def run_child() -> int:
    """Serve until stdin ends, so that the mock never outlives its parent. Returns the exit code."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)  # the parent handles Ctrl-C
    lines = await lines_from_parent(LONGEST_LINE)
    child = _Child()
    try:
        while line := await lines.readline():
            if not await child.take(line):
                return 2
    finally:
        await child.close()
    return 0


class _Child:
    def __init__(self) -> None:
        self._mock: Mock | None = None
        self._server: Server | None = None
        self._port = 0

    async def take(self, line: bytes) -> bool:
        """Act on one line of stdin. Return False if the mock has no usable configuration and must end."""
        try:
            document = orjson.loads(line)
            if isinstance(document, dict) and document.get("command") == "counts":
                tell_parent({"counts": self._counts(), "id": document.get("id")})
            else:
                await self._configure(Snapshot.model_validate(document))
        except (orjson.JSONDecodeError, ValidationError, OSError) as error:
            tell_parent({"error": _text(error)})
        return self._server is not None

    async def _configure(self, snapshot: Snapshot) -> None:
        if self._mock is None:
            self._mock = Mock(snapshot)
            server = Server(self._mock.handle, Limits())
            self._port = await server.listen("127.0.0.1", snapshot.port)
            self._server = server
        else:
            self._mock.configure(snapshot)
        tell_parent({"ready": self._port})

    def _counts(self) -> dict[str, object]:
        if self._mock is None or self._server is None:
            return {"requests": 0}
        return {**self._mock.counts(), "refused": sum(self._server.refused.values())}

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()


def _text(error: Exception) -> str:
    """Return the error's text without the input, because a snapshot contains keys."""
    if isinstance(error, ValidationError):
        return f"snapshot: {field_errors(error, Snapshot, secret=True)[0]}"
    if isinstance(error, OSError):
        return f"cannot listen: {error.strerror}"
    return "a line on stdin is not JSON"
