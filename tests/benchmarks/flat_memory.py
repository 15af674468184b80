"""A long run at a high rate: the generator's memory stays flat, and nothing is lost or late.

    python -m tests.benchmarks.flat_memory [--minutes 30] [--rate 1000]

Prints the resident memory once a minute, then one JSON object; exits 1 when memory grew or a row is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.loaders import LOAD_CPU, on_cpu, ours, server

SCENARIO = """
name: flat
users: {{ChatUser: 40}}
phases: [{{name: all, for: {seconds}, rate: {rate}}}]
"""
SETTLED_SHARE = 0.25
"""Part of the run after which memory is taken as settled."""
ALLOWED_MIB = 8.0


def main() -> int:
    """Run, watch, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=1000)
    options = parser.parse_args()
    seconds = options.minutes * 60
    scenario = SCENARIO.format(seconds=seconds, rate=options.rate)
    with server() as served:
        if served is None:
            return 2
        with ours(served.url, scenario, served) as (command, env, folder):
            before = served.count()
            process = subprocess.Popen(
                command,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=on_cpu(LOAD_CPU),
            )
            watched = _watch(process, seconds)
            info = json.loads((folder / "run.json").read_text())
            return _judge(watched, info, served.count() - before - 2, seconds)  # less the try before and this question


def _watch(process: subprocess.Popen[bytes], seconds: float) -> list[tuple[float, float]]:
    """Seconds and resident MiB, every five seconds while requests are sent."""
    began, seen = time.monotonic(), []
    while process.poll() is None:
        time.sleep(5)
        elapsed = time.monotonic() - began
        if elapsed < seconds and process.poll() is None:
            seen.append((elapsed, _resident_mib(process.pid)))
            if len(seen) % 12 == 0:
                print(f"{elapsed / 60:5.0f} min  {seen[-1][1]:7.1f} MiB", file=sys.stderr)
    return seen


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _judge(watched: list[tuple[float, float]], info: dict[str, object], served: int, seconds: float) -> int:
    settled = [mib for elapsed, mib in watched if elapsed >= seconds * SETTLED_SHARE]
    half = len(settled) // 2
    growth = max(settled[half:]) - max(settled[:half])
    counts, pacing = info["counts"], info["pacing"]
    assert isinstance(counts, dict)
    ok = growth <= ALLOWED_MIB and counts["recorded"] == served
    print(json.dumps({"growth_mib": growth, "served": served, "counts": counts, "pacing": pacing, "ok": ok}))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
