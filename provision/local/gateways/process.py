"""A gateway program as a child of `tripcurve local`, through a process of ours that owns it.

The owner speaks as every child does (`provision.local.supervisor`): it reads an `Order` from standard input, starts the
program, and writes `{"ready": port}`, or `{"error": message}` if the program ends before it answers.
`{"command": "counts", "id": n}` is answered with `{"counts": {"cpu_s": s}, "id": n}`: the processor time since the
program answered. When standard input ends, it ends the program. If the program ends by itself, so does the owner.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from provision.local.gateways.catalogue import PROGRAMS
from provision.local.gateways.follower import Breaker, Follower
from provision.local.parent import lines_from_parent, tell_parent
from provision.local.ports import HOST

__all__ = ["Order", "run_child"]

PROBE_S = 0.05
"""Time between two looks at whether the program answers, and between two at its record."""
STOP_S = 2.0
"""How long a program may take to end before it is killed: less than the supervisor gives us."""
LAST_BYTES = 2000
"""How much of a program's output is shown if it does not start."""
_LONGEST_LINE = 16 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


class Order(BaseModel):
    """What to start, and what to read. `title`: the program's name and, if known, its version.

    `record` and `events` None: the program has no record of its breakers. `breakers` has the rules under the names by
    which the record calls the backends.
    """

    kind: str
    title: str
    command: tuple[str, ...]
    environment: dict[str, str]
    port: int
    ready_path: str | None = None
    folder: Path
    record: Path | None = None
    events: Path | None = None
    breakers: dict[str, Breaker] = {}

    @property
    def output(self) -> Path:
        """The file that gets what the program writes to its terminal."""
        return self.folder / f"{self.kind}.log"

    def follower(self) -> Follower | None:
        """Return the reader of the program's record; None if it has none."""
        read = PROGRAMS[self.kind].read
        if self.record is None or self.events is None or read is None:
            return None
        return Follower(self.record, read, self.breakers, self.events)


async def run_child() -> int:
    """Own one program until standard input ends, or until it ends itself. Returns the exit code."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)  # the parent handles Ctrl-C
    lines = await lines_from_parent(_LONGEST_LINE)
    first = await lines.readline()
    if not first:
        return 0
    order = Order.model_validate_json(first)
    try:
        with order.output.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *order.command,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                env=order.environment,
                cwd=order.folder,
                preexec_fn=_end_with_parent,
            )
    except OSError as error:
        tell_parent({"error": f"cannot start {order.command[0]}: {error.strerror}"})
        await lines.read()
        return 3
    try:
        return await _Owned(order, process).serve(lines)
    finally:
        await _end(process)


class _Owned:
    def __init__(self, order: Order, process: Process) -> None:
        self._order = order
        self._process = process
        self._follower = order.follower()
        self._cpu_before_s = 0.0

    async def serve(self, lines: asyncio.StreamReader) -> int:
        """Report when the program answers, then answer commands. Returns the exit code."""
        talk = asyncio.create_task(self._answer(lines))
        ready = asyncio.create_task(_until_answering(self._order))
        follow = asyncio.create_task(self._follow())
        ended = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait({talk, ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                tell_parent({"error": _why_not(self._order, ended.result())})
                await talk
                return 3
            if ready.done():
                self._cpu_before_s = _cpu_s(self._process.pid) or 0.0
                tell_parent({"ready": self._order.port})
            await asyncio.wait({talk, ended}, return_when=asyncio.FIRST_COMPLETED)
            return 0 if talk.done() else abs(ended.result())
        finally:
            for task in (talk, ready, follow, ended):
                task.cancel()

    async def _answer(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            command = json.loads(line)
            if command.get("command") == "counts":
                tell_parent({"counts": self._counts(), "id": command.get("id")})

    def _counts(self) -> dict[str, object]:
        used_s = _cpu_s(self._process.pid)
        return {} if used_s is None else {"cpu_s": round(used_s - self._cpu_before_s, 3)}

    async def _follow(self) -> None:
        if self._follower is None:
            return
        while self._follower.unknown is None:
            self._follower.catch_up()
            await asyncio.sleep(PROBE_S)
        text = (
            f"{self._order.title} records its breakers in a form that is not known: {self._follower.unknown!r}. The "
            "run goes on without the gateway's own record; for a run with it, install a version that docs/gateways.md "
            "names"
        )
        print(f"tripcurve local: {text}", file=sys.stderr)


async def _until_answering(order: Order) -> None:
    while not await _answers(order.port, order.ready_path):  # noqa: ASYNC110  # another program sets no event of ours
        await asyncio.sleep(PROBE_S)


async def _answers(port: int, path: str | None) -> bool:
    """Return whether a program listens on the port and, with a path, answers a GET of it with 200."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        if path is None:
            return True
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


def _why_not(order: Order, code: int) -> str:
    last = order.output.read_bytes()[-LAST_BYTES:].decode("utf-8", "replace").strip()
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"the program {how} before it answered on port {order.port}; its last output was:\n{last or '(nothing)'}"


async def _end(process: Process) -> None:
    """Terminate the program; kill it if it takes too long, as one does that waits for its clients to leave."""
    for act in (process.terminate, process.kill):
        if process.returncode is None:
            with suppress(ProcessLookupError):
                act()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_S)


def _end_with_parent() -> None:
    """Called in the new process: let Linux kill it if its owner is killed, which could then not end it."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _cpu_s(pid: int) -> float | None:
    """Return the processor time of a process and of its children that ended, s; None where it cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None
