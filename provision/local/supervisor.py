"""One child process. It gets snapshots on its stdin and answers on its stdout; closing its stdin stops it."""

from __future__ import annotations

import asyncio
import json
import logging
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Child", "ChildFailed", "Json"]

_log = logging.getLogger(__name__)
START_S = 60.0
ACKNOWLEDGE_S = 10.0
STOP_S = 3.0
_LINE = 1024 * 1024

Json = dict[str, Any]


class ChildFailed(RuntimeError):
    """A child did not start, ended, or did not answer in time."""


class Child:
    """A child process, which inherits our stderr.

    `died` is called once if the process ends without having been stopped.
    """

    def __init__(self, name: str, command: Sequence[str], died: Callable[[Child], None]) -> None:
        self.name = name
        self.port: int | None = None
        self._command = command
        self._died = died
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked: dict[int, asyncio.Future[Json]] = {}
        self._number = 0
        self._sent: bytes | None = None
        self._stopping = False

    @property
    def alive(self) -> bool:
        """Return whether the process runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def exit_code(self) -> int | None:
        """Return the exit code; None while the process runs and before it has started."""
        return None if self._process is None else self._process.returncode

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def spawn(self) -> None:
        """Start the process; it loads its modules while it waits for the first snapshot."""
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, limit=_LINE)
        self._reader = asyncio.create_task(self._read(), name=f"reader {self.name}")

    async def configure(self, snapshot: Json) -> None:
        """Send the state and wait until the child has applied it. An unchanged state is not sent again.

        Raises ChildFailed if the child has ended, or does not answer in time.
        """
        line = json.dumps(snapshot).encode() + b"\n"
        if line == self._sent:
            return
        first = self._sent is None
        self._sent = line
        await self._write(line)
        self.port = await self._within(self._ready, START_S, "did not become ready")
        if not first:
            await self.counts()  # the child reads lines in order, so an answer proves that the snapshot is in force

    async def counts(self) -> Json:
        """Return the counters of the child. Raises ChildFailed."""
        self._number += 1
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._asked[self._number] = answer
        try:
            await self._write(json.dumps({"command": "counts", "id": self._number}).encode() + b"\n")
            counted: Json = await self._within(answer, ACKNOWLEDGE_S, "did not answer")
            return counted
        finally:
            self._asked.pop(self._number, None)

    async def stop(self) -> None:
        """Close the child's stdin and wait; a child that does not end is terminated, then killed."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        for act in (None, process.terminate, process.kill):
            if act is not None and process.returncode is None:
                act()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
                break
            except TimeoutError:
                _log.warning("%s (pid %s) is slow to stop", self.name, process.pid)
        if self._reader is not None:
            await self._reader

    async def _write(self, line: bytes) -> None:
        if self._process is None or self._process.stdin is None or not self.alive:
            raise ChildFailed(f"{self.name} is not running (exit code {self.exit_code})")
        try:
            self._process.stdin.write(line)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise ChildFailed(f"{self.name} has ended (exit code {self.exit_code})") from None

    async def _within(self, future: asyncio.Future[Any], seconds: float, what: str) -> Any:
        try:
            return await asyncio.wait_for(asyncio.shield(future), seconds)
        except TimeoutError:
            raise ChildFailed(f"{self.name} {what} within {seconds:g} s") from None

    async def _read(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        async for line in process.stdout:
            self._hear(line)
        code = await process.wait()
        self._fail(ChildFailed(f"{self.name} ended with exit code {code}; its own message is above"))
        if not self._stopping:
            self._died(self)

    def _hear(self, line: bytes) -> None:
        try:
            report = json.loads(line)
        except ValueError:
            _log.warning("%s: %s", self.name, line.decode(errors="replace").rstrip())
            return
        if "ready" in report and not self._ready.done():
            self._ready.set_result(int(report["ready"]))
        elif "counts" in report:
            waiting = self._asked.get(report.get("id", 0))
            if waiting is not None and not waiting.done():
                waiting.set_result(report["counts"])
        elif "error" in report:
            self._fail(ChildFailed(f"{self.name}: {report['error']}"))

    def _fail(self, error: ChildFailed) -> None:
        waiting: list[asyncio.Future[Any]] = [self._ready, *self._asked.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # marks it as retrieved: a future that nobody awaits must not log a second error
