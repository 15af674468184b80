"""`python -m provision.local.gateway`: a gateway unit as a child process.

Configuration comes on standard input, one JSON document per line, always the whole of it (`config.Snapshot`).
Each is answered on standard output: `{"ready": port, "snapshot": n}`, or `{"error": message, "snapshot": n}`
when it cannot be used and the one before stays in force. `{"command": "counts", "id": n}` is answered with
`{"counts": {...}, "id": n}`. The end of standard input ends the unit, so that none outlives its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import resource
import signal
import sys
from typing import Any

import orjson
import uvloop
from pydantic import ValidationError

from provision.local.apim.expressions import compile_expression
from provision.local.apim.policies.faults import PolicyError
from provision.local.apim.services import PolicyFault
from provision.local.gateway.config import Snapshot
from provision.local.gateway.unit import GatewayUnit
from tripcurve.field_errors import field_errors

_LINE_BYTES = 256 * 1024 * 1024
_OPEN_FILES = 16_384
_M_MMAP_THRESHOLD = -3
"""Of glibc's malloc.h."""
_LARGE_BYTES = 128 * 1024


class Child:
    """The unit's side of the conversation with its parent."""

    def __init__(self) -> None:
        self._unit = GatewayUnit()
        self._port: int | None = None
        self._snapshots = 0

    async def serve(self) -> int:
        """Answer lines until there are no more. Returns the exit code."""
        lines = await _standard_input()
        while line := await lines.readline():
            if not line.strip():
                continue
            answer = await self.answer(line)
            _say(answer)
            if self._port is None:
                return 3
        await self.stop()
        return 0

    async def stop(self) -> None:
        """End the unit."""
        await self._unit.stop()

    async def answer(self, line: bytes) -> dict[str, Any]:
        """What to say to one line."""
        try:
            content = orjson.loads(line)
        except ValueError as error:
            return {"error": f"not JSON: {error}"}
        if isinstance(content, dict) and "command" in content:
            return self._command(content)
        self._snapshots += 1
        return {**await self._configure(content), "snapshot": self._snapshots}

    def _command(self, content: dict[str, Any]) -> dict[str, Any]:
        if content["command"] == "counts":
            return {"counts": self._unit.counts(), "id": content.get("id")}
        return {"error": f"no command {content['command']!r}", "id": content.get("id")}

    async def _configure(self, content: object) -> dict[str, Any]:
        """Apply a snapshot. Errors in it are reported without its values, which may be secret."""
        try:
            snapshot = Snapshot.model_validate(content)
            if self._port is None:
                compile_expression("@(true)")  # reads the grammar now, because that would stop traffic later
                self._port = await self._unit.start(snapshot)
                _settle_memory()
            else:
                self._unit.apply(snapshot)
        except ValidationError as error:
            return {"error": "; ".join(map(str, field_errors(error, Snapshot, secret=True)))}
        except (PolicyError, PolicyFault, OSError, ValueError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return {"ready": self._port}


def _raise_file_limit() -> None:
    """Every client and every backend call is an open file: take as many as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _return_large_blocks() -> None:
    """Have large bodies' memory go back to the system when they are done.

    glibc would raise its threshold for that with the first large block freed, and then keep the most it ever held.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library, which has no such habit
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def _settle_memory() -> None:
    """Keep what was made at the start out of collections, and collect less often.

    Requests leave nothing to collect (a test holds this) but the JSON trees of policies that parse bodies, since a
    token knows its parent. The second collection sets the size that the oldest generation's growth is measured by.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(50_000, 10, 5)


async def _standard_input() -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(answer: dict[str, Any]) -> None:
    """One line to the parent; a parent that is gone is noticed by the end of standard input."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


def main() -> int:
    """Run one unit. Returns 0, or 3 when its first configuration cannot be served."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="gateway: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    _raise_file_limit()
    _return_large_blocks()
    return uvloop.run(Child().serve())


if __name__ == "__main__":
    sys.exit(main())
