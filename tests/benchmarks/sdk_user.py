"""Calls a second through the OpenAI SDK on one core: our users, which share, beside one AzureOpenAI client each."""

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
    ratio = own.rate / other.rate
    beside = f"one client each: {other.rate:,.0f}/s"
    return [
        row("sdk_user", own.rate, "requests/s", peer=beside, ratio=ratio, budget=f"≥ {BUDGET} ×", ok=ratio >= BUDGET),
        row("sdk_user, CPU", own.cpu_us, "us CPU/request", peer=f"one client each: {other.cpu_us:,.0f} us"),
    ]
