"""The processes of a run for fault injection, known by a mark in their environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tripcurve.run.layout import shard_paths

__all__ = ["LEAVING_S", "PATIENCE_S", "Processes"]

MARK = "TRIPCURVE_FAULT"
PATIENCE_S = 240.0
LEAVING_S = 75.0
"""How long processes that lost their parent may take to notice it."""
DROP_OVERRIDE = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1); os.execv(sys.executable, sys.argv[1:])"
"""Runs a command without the right by which root ignores the permissions of files (PR_CAPBSET_DROP)."""


class Processes:
    """Processes that run in `folder` and end with `stack`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.run_dir = folder, folder / "run"
        self._mark, self._stack = uuid.uuid4().hex, stack

    def start(self, name: str, *words: str, **environ: str) -> subprocess.Popen[bytes]:
        """Run Python with these arguments; its output goes to NAME.log."""
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-c", DROP_OVERRIDE, sys.executable, *words],
            cwd=self.folder,
            env={**os.environ, "TRIPCURVE_API_KEY": "k", MARK: self._mark, **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self._stack.callback(process.wait, 30)
        self._stack.callback(self._end_all)
        return process

    def wait_for_rows(self, processes: int) -> None:
        """Wait until each of so many processes has flushed once; a stream's head alone is smaller than 5,000 bytes."""
        deadline = time.monotonic() + PATIENCE_S
        while len([path for path in shard_paths(self.run_dir) if path.stat().st_size > 5000]) < processes:
            assert time.monotonic() < deadline, f"no rows came: {self.messages()}"
            time.sleep(0.02)

    def living(self) -> Iterator[tuple[int, str]]:
        """Yield the id and the command line of each live process of this run."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self._mark}".encode() not in (process / "environ").read_bytes():
                    continue
                if (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    yield int(process.name), line
            except OSError:
                continue  # it has ended meanwhile

    def find(self, part: str) -> int:
        """Return the id of the one process with this text in its command line."""
        found = [pid for pid, line in self.living() if part in line]
        assert len(found) == 1, f"{part}: {list(self.living())}"
        return found[0]

    def left(self) -> list[str]:
        """Wait until all have ended; return the command lines of those that do not."""
        deadline = time.monotonic() + LEAVING_S
        while (left := list(self.living())) and time.monotonic() < deadline:
            time.sleep(0.05)
        return [line for _, line in left]

    def messages(self) -> str:
        """Return what all of them have printed."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def _end_all(self) -> None:
        for pid, _ in self.living():
            os.kill(pid, signal.SIGKILL)
