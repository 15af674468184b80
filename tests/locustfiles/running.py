"""Whole Locust processes for tests, against a gateway in the test's own process."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.locustfiles.forks import Fork, fork_locust
from tests.locustfiles.servers import Gateway

__all__ = ["LOCUSTFILE", "Process", "Running", "ended", "own_host", "processes"]

LOCUSTFILE = Path(__file__).parents[2] / "locustfiles" / "chat.py"
Process = Fork | subprocess.Popen[str]


_HOSTS = itertools.count(1)


def own_host() -> str:
    """Return a loopback address that nothing else uses, so that a server on it can take any port.

    A free port of 127.0.0.1 that is looked up first may be gone when the server binds it.
    """
    return f"127.{os.getpid() >> 8 & 127 | 128}.{os.getpid() & 255}.{next(_HOSTS)}"


def processes(count: int) -> tuple[str, ...]:
    """Words that have Locust fork so many workers, which find their master where no other run has one."""
    host = own_host()
    return ("--processes", str(count), "--master-bind-host", host, "--master-host", host)


class Running:
    """A gateway in this process, and Locust processes against it."""

    def __init__(self, folder: Path, port: int, gateway: Gateway) -> None:
        self.folder, self.gateway = folder, gateway
        self.run_dir = folder / "run"
        self.url = f"http://127.0.0.1:{port}"
        self._processes: list[Process] = []

    def locust(self, *words: str, limit: int | None = None, file: Path = LOCUSTFILE) -> Process:
        """Start Locust. `limit`: the largest file in KiB that it may write, for which it is a process of its own."""
        arguments, env = ["-f", str(file), *words], {**os.environ, "TRIPCURVE_API_KEY": "k"}
        process: Process
        if limit is None:
            log = self.folder / f"locust-{len(self._processes)}"
            process = fork_locust(arguments, self.folder, env, log.with_suffix(".out"), log.with_suffix(".err"))
        else:
            process = subprocess.Popen(
                ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "locust", sys.executable, "-m", "locust", *arguments],
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        self._processes.append(process)
        return process

    def drive(
        self,
        scenario: str,
        *words: str,
        report: bool = False,
        limit: int | None = None,
        file: Path = LOCUSTFILE,
    ) -> Process:
        """Start a headless run. `report`: make its report at the end, which takes seconds of CPU in a process."""
        (self.folder / "scenario.yaml").write_text(scenario)
        where = ["--scenario", "scenario.yaml", "--run-dir", "run", "--target", self.url]
        silent = [] if report else ["--no-report"]
        return self.locust("--headless", *where, *silent, *words, limit=limit, file=file)

    def wait_for_rows(self, worker: int = 0, size: int = 6000) -> None:
        shard, deadline = self.run_dir / f"requests-{worker}.arrows", time.monotonic() + 30
        while not shard.exists() or shard.stat().st_size < size:
            assert time.monotonic() < deadline, "no requests were recorded"
            time.sleep(0.05)

    def rows(self) -> Any:
        return pq.read_table(self.run_dir / "requests.parquet").to_pandas()

    def info(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.run_dir / "run.json").read_text())
        return content

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=10)
            if isinstance(process, subprocess.Popen):
                for pipe in (process.stdout, process.stderr):  # not read to its end: a child of it may hold it
                    if pipe is not None:
                        pipe.close()


def ended(process: Process, timeout: float = 60) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err
