"""Checks of this machine, which need no cloud: open files, Locust's version, and whether the policy compiles."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from provision.doctor.findings import Finding, error, ok, warning
from tripcurve.errors import BadInput

__all__ = ["locust_version", "open_files", "policy"]

ENOUGH_FILES = 10_000
"""Locust asks for so many: each user keeps a connection, and each connection is an open file."""

FEWEST_FILES = 512
LINT_S = 60.0
"""Longest time in seconds to compile a policy; the largest take a few."""


def open_files(limit: Callable[[], int] | None = None) -> list[Finding]:
    """Check how many files a process may open. `limit` returns the number; None asks the operating system."""
    allowed = (limit or _hard_limit)()
    if allowed >= ENOUGH_FILES:
        return [ok("open files", f"{allowed:,} allowed")]
    detail = f"{allowed:,} allowed, so about {max(allowed - 100, 0):,} users at most in one process"
    raise_it = f"raise the limit to {ENOUGH_FILES:,} (`ulimit -Hn`, or limits.conf), or start more --processes"
    return [(error if allowed < FEWEST_FILES else warning)("open files", detail, raise_it)]


def _hard_limit() -> int:
    """Return the hard limit, up to which Locust raises the limit in force by itself."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def locust_version(installed: Callable[[], str] | None = None) -> list[Finding]:
    """Check Locust's version against the least that Tripcurve asks for. `installed` None asks the environment."""
    least = next(
        (found[1] for text in requires("tripcurve") or [] if (found := re.match(r"locust>=([\d.]+)", text))), "0"
    )
    remedy = f"install Tripcurve with its dependencies again (`pip install 'locust>={least}'`)"
    try:
        present = (installed or _locust)()
    except PackageNotFoundError:
        return [error("Locust", "not installed", remedy)]
    if _numbers(present) < _numbers(least):
        return [error("Locust", f"version {present} is older than {least}", remedy)]
    return [ok("Locust", f"version {present}")]


def _locust() -> str:
    return version("locust")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)[:3]]


def policy(lab_file: Path) -> list[Finding]:
    """Check with `tripcurve lint` that API Management would accept the lab's policy."""
    command = [sys.executable, "-m", "tripcurve.cli", "lint", str(lab_file), "--format", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LINT_S, check=False)
        mistakes = json.loads(done.stdout)["findings"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return [warning("policy", "could not be compiled", f"`tripcurve lint {lab_file}` shows why")]
    if not mistakes:
        return [ok("policy", "compiles")]
    return [_mistake(item) for item in mistakes]


def _mistake(item: dict[str, str | int]) -> Finding:
    detail = f"{item['file']}:{item['line']}:{item['column']}: {item['message']}"
    if item["level"] == "error":
        return error("policy", detail, "correct the policy; API Management would refuse it", BadInput)
    return warning("policy", detail, "the policy works on Azure only: test it there, or without this element here")
