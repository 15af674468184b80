"""`python -m provision.local.gateway`: a gateway unit as a child process.

It reads its configuration from standard input, one JSON document (`config.Snapshot`) per line, each complete. It
answers each on standard output with `{"ready": port, "snapshot": n}`, or with `{"error": message, "snapshot": n}` if
the document cannot be used and the previous one stays in force. `{"command": "counts", "id": n}` is answered with
`{"counts": {...}, "id": n}`; its `cpu_s` is the processor time since the unit was ready. The unit ends when its
standard input ends, so it never outlives its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import resource
import signal
import sys
import time
from typing import Any

import orjson
import uvloop
from pydantic import ValidationError

from provision.local.apim.expressions import compile_expression
from provision.local.apim.policies.faults import PolicyError
from provision.local.apim.services import PolicyFault
from provision.local.gateway.config import Snapshot
from provision.local.gateway.unit import GatewayUnit
from provision.local.parent import lines_from_parent, tell_parent
from tripcurve.field_errors import field_errors

_LINE_BYTES = 256 * 1024 * 1024
_OPEN_FILES = 16_384
_M_MMAP_THRESHOLD = -3
"""A parameter number of glibc's malloc.h."""
_LARGE_BYTES = 128 * 1024


class Child:
    """Answers the lines that the parent process sends to this unit."""

    def __init__(self) -> None:
        self._unit = GatewayUnit()
        self._port: int | None = None
        self._snapshots = 0
        self._cpu_before_s = 0.0

    async def serve(self) -> int:
        """Answer lines until standard input ends. Returns the exit code."""
        lines = await lines_from_parent(_LINE_BYTES)
        while line := await lines.readline():
            if not line.strip():
                continue
            answer = await self.answer(line)
            tell_parent(answer)
            if self._port is None:
                return 3
        await self.stop()
        return 0

    async def stop(self) -> None:
        """Stop the unit."""
        await self._unit.stop()

    async def answer(self, line: bytes) -> dict[str, Any]:
        """Return the answer to one line."""
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
            used_s = round(time.process_time() - self._cpu_before_s, 3)
            return {"counts": {**self._unit.counts(), "cpu_s": used_s}, "id": content.get("id")}
        return {"error": f"no command {content['command']!r}", "id": content.get("id")}

    async def _configure(self, content: object) -> dict[str, Any]:
        """Apply a snapshot. Messages about errors in it leave out its values, which may be secret."""
        try:
            snapshot = Snapshot.model_validate(content)
            if self._port is None:
                compile_expression("@(true)")  # reads the grammar now: reading it later would hold traffic up
                self._port = await self._unit.start(snapshot)
                _settle_memory()
                self._cpu_before_s = time.process_time()
            else:
                self._unit.apply(snapshot)
        except ValidationError as error:
            return {"error": "; ".join(map(str, field_errors(error, Snapshot, secret=True)))}
        except (PolicyError, PolicyFault, OSError, ValueError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return {"ready": self._port}


def _raise_file_limit() -> None:
    """Raise the limit of open files as far as allowed: every client and every backend call needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _return_large_blocks() -> None:
    """Return the memory of large bodies to the system as soon as they are freed.

    After the first large block is freed, glibc would raise the threshold for this and then keep the most memory it ever
    had.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library, which does not do that
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def _settle_memory() -> None:
    """Exclude all objects made so far from garbage collection, and collect less often.

    Requests leave nothing to collect, as a test checks, except the JSON trees that policies parse, whose tokens refer
    to their parents. The second collection sets the size against which growth of the oldest generation is measured.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(50_000, 10, 5)


def main() -> int:
    """Run one unit. Returns 0, or 3 if its first configuration cannot be served."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="gateway: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    _raise_file_limit()
    _return_large_blocks()
    return uvloop.run(Child().serve())


if __name__ == "__main__":
    sys.exit(main())
