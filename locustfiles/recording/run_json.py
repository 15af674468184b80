"""What run.json says of a run: on what, against what, from when to when, and how it ended."""

from __future__ import annotations

import json
import os
import platform
import ssl
import urllib.error
import urllib.request
from importlib.metadata import version
from typing import Any

from locustfiles.conduct.plan import Plan
from locustfiles.recording.tally import Tally
from tripcurve import __version__
from tripcurve.run.record import SCHEMA_VERSION
from tripcurve.target import Target

__all__ = ["describe_run", "gateway_counts"]

COUNTS_TIMEOUT_S = 10


def gateway_counts(target: Target) -> dict[str, Any] | None:
    """What the local cloud counted itself; None where the target keeps no count or does not answer."""
    if target.admin_url is None:
        return None
    context = ssl.create_default_context(cafile=target.ca_file)
    try:
        with urllib.request.urlopen(  # noqa: S310  # the local cloud's own https address
            f"{target.admin_url}/counts", timeout=COUNTS_TIMEOUT_S, context=context
        ) as answer:
            counts = json.load(answer)
    except (OSError, ValueError):
        return None
    return counts if isinstance(counts, dict) else None


def describe_run(plan: Plan, counts: dict[str, Any], tally: Tally, end_ns: int, code: int) -> dict[str, Any]:
    """The content of run.json but for the workers."""
    return {
        "schema": SCHEMA_VERSION,
        "tripcurve": __version__,
        "lab": plan.lab.name,
        "scenario": plan.scenario.name,
        "target": plan.target.kind,
        "start_ns": plan.start_ns,
        "end_ns": end_ns,
        "exit": code,
        "interrupted": code == 130,
        "counts": counts,
        **tally.describe(),
        "rules": plan.target.rules,
        "options": plan.lab.local.model_dump(mode="json"),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("locust", "gevent", "httptools", "pyarrow", "openai")},
        "host": {
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
        },
    }
