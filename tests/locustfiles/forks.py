"""Locust processes that are forked from one that has imported Locust, which saves each a second or more of imports.

They run what `python -m locust` runs. Tests of a file-size limit or of what the system shows of a process start their
own, and so does every end-to-end test.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Fork", "fork_locust"]

ROOT = Path(__file__).parents[2]


class Fork:
    """A forked process, used like `subprocess.Popen`. Its output is in files."""

    def __init__(self, parent: Parent, pid: int, out: Path, err: Path) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._parent, self._out, self._err = parent, out, err

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._parent.ask({"pid": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("locust", timeout)
            time.sleep(0.02)
        return code

    def communicate(self, timeout: float) -> tuple[str, str]:
        self.wait(timeout)
        return self._out.read_text(), self._err.read_text()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Parent:
    """The process that forks. It ends with this one."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.locustfiles.preloaded"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._asking = threading.Lock()
        atexit.register(self._close)

    def ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._asking:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def _close(self) -> None:
        self._process.communicate(timeout=10)


@functools.cache
def _parent() -> Parent:
    return Parent()


def fork_locust(words: Sequence[str], folder: Path, env: Mapping[str, str], out: Path, err: Path) -> Fork:
    """Start Locust with these words in a folder. `out` and `err` get its output and may be the same file."""
    parent = _parent()
    request = {"words": words, "folder": str(folder), "env": dict(env), "out": str(out), "err": str(err)}
    return Fork(parent, parent.ask(request), out, err)
