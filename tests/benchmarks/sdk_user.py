"""Requests a second through the OpenAI SDK on one core: our users, which share, beside one AzureOpenAI client each.

Both call `chat.completions.create`, answered by nginx on the other core. They are looked at turn by turn, and
the ratio is the median of the turns', so that what else the machine does meets both alike. The last row is the
SDK's call alone, with nothing sent: no user that makes it can reach a higher ratio than that one.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from typing import Any

from tests.benchmarks.loaders import LOAD_CPU, USERS, Used, measure_in_turn, on_cpu, ours, peer, row, server

CLOSED = f"""
name: sdk
users: {{SdkChatUser: {USERS}}}
phases: [{{name: all, for: 300, users: {USERS}}}]
"""
BUDGET = 2.5


def rows() -> list[dict[str, Any]]:
    """Requests per second and CPU per request of both, each with the median ratio."""
    with server() as served:
        if served is None:
            return []
        with ours(served.url, CLOSED, served) as (command, env, _):
            turns = measure_in_turn((command, env), (peer("openai_per_user.py", served.url), {}), served)
    return [_rates(turns), _costs(turns), _call_alone(turns)]


def _rates(turns: list[tuple[Used, Used]]) -> dict[str, Any]:
    ratio = median(own.rate / other.rate for own, other in turns)
    beside = f"one client each: {median(other.rate for _, other in turns):,.0f}/s"
    budget, ok = f"≥ {BUDGET} ×", ratio >= BUDGET
    own = median(own.rate for own, _ in turns)
    return row("sdk_user", own, "requests/s", peer=beside, ratio=ratio, budget=budget, ok=ok)


def _costs(turns: list[tuple[Used, Used]]) -> dict[str, Any]:
    ratio = median(own.cpu_us / other.cpu_us for own, other in turns)
    beside = f"one client each: {median(other.cpu_us for _, other in turns):,.0f} us"
    return row("sdk_user, CPU", median(own.cpu_us for own, _ in turns), "us CPU/request", peer=beside, ratio=ratio)


def _call_alone(turns: list[tuple[Used, Used]]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.peers.sdk_alone"]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=on_cpu(LOAD_CPU)).stdout
        for _ in range(3)
    ]
    alone = median(map(float, runs))
    others = median(other.cpu_us for _, other in turns)
    return row("sdk_user, the SDK's call alone", alone, "us CPU/call", peer=f"{others:,.0f} us", ratio=others / alone)
