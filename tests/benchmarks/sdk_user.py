"""Calls a second through the OpenAI SDK on one core: our users, which share, beside one AzureOpenAI client each.

A core's calls a second are one over a call's CPU time, which other work on the machine disturbs least.
"""

from __future__ import annotations

from typing import Any

from tests.benchmarks.loaders import USERS, measure, ours, peer, row, server

CLOSED = f"""
name: sdk
users: {{SdkChatUser: {USERS}}}
phases: [{{name: all, for: 60, users: {USERS}}}]
"""
BUDGET = 2.5


def rows() -> list[dict[str, Any]]:
    """Requests per second of both, and their ratio."""
    with server() as served:
        if served is None:
            return []
        with ours(served.url, CLOSED, served) as (command, env, _):
            own = measure(command, served, env)
        other = measure(peer("openai_per_user.py", served.url), served)
    rate, others = 1e6 / own.cpu_us, 1e6 / other.cpu_us
    beside = f"one client each: {others:,.0f}/s"
    ratio = rate / others
    return [row("sdk_user", rate, "calls/s", peer=beside, ratio=ratio, budget=f"≥ {BUDGET} ×", ok=ratio >= BUDGET)]
