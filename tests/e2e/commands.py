"""Starts the installed command as a user does, bounded in time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = (sys.executable, "-m", "tripcurve.cli")


def tripcurve(
    *words: str, cwd: Path, env: dict[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """The finished command: its exit code and both outputs."""
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def left_running(marker: str) -> list[str]:
    """Command lines of live processes whose environment carries the marker: whatever a command left behind."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if marker.encode() in environment and state != "Z" and int(process.name) != os.getpid():
            found.append(line)
    return found


@contextmanager
def running_lab(*lab: str | Path) -> Iterator[dict[str, str]]:
    """The JSON line of `tripcurve local` with a lab or without one, while the block lasts."""
    process = subprocess.Popen(
        [*COMMAND, "local", *map(str, lab), "--stop-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(timeout=20) == 0
