"""What run.json says of a run: on what, against what, from when to when, and how it ended."""

from __future__ import annotations

import json
import os
import platform
import ssl
import urllib.error
import urllib.request
from importlib.metadata import version

from pydantic import JsonValue, ValidationError

from locustfiles.conduct.plan import Plan
from locustfiles.recording.tally import Tally
from tripcurve import __version__
from tripcurve.run.info import Counts, Ended, Host, RunInfo, WorkerInfo
from tripcurve.run.record import SCHEMA_VERSION
from tripcurve.target import Target

__all__ = ["INTERRUPTED", "count_requests", "describe_run"]

INTERRUPTED = 130
"""The exit code of a run that Ctrl-C or SIGTERM ended."""
LIBRARIES = ("locust", "gevent", "httptools", "pyarrow", "openai")
"""Their versions go into run.json: they bear on what was measured."""

COUNTS_TIMEOUT_S = 10


def count_requests(target: Target, recorded: int) -> Counts:
    """The number of rows recorded and, where the target keeps counts and answers, what it counted itself."""
    told = {} if target.admin_url is None else _gateway_counts(target)
    try:
        counts = Counts.model_validate({"recorded": recorded} | told)
    except ValidationError:
        return Counts(recorded=recorded)
    served = None if counts.gateway is None else counts.gateway.requests
    return counts if served is None else counts.model_copy(update={"unrecorded": served - recorded})


def _gateway_counts(target: Target) -> dict[str, JsonValue]:
    """What the local cloud counted; empty when it does not answer."""
    context = ssl.create_default_context(cafile=target.ca_file)
    try:
        with urllib.request.urlopen(  # noqa: S310  # the local cloud's own https address
            f"{target.admin_url}/counts", timeout=COUNTS_TIMEOUT_S, context=context
        ) as answer:
            counts = json.load(answer)
    except (OSError, ValueError):
        return {}
    return counts if isinstance(counts, dict) else {}


def describe_run(
    plan: Plan, counts: Counts, tally: Tally, ended: Ended, code: int, workers: list[WorkerInfo]
) -> RunInfo:
    """Return the content of run.json. `code`: the exit code of the traffic."""
    return RunInfo(
        schema=SCHEMA_VERSION,
        tripcurve=__version__,
        lab=plan.lab.name,
        scenario=plan.scenario.name,
        target=plan.target.kind,
        start_ns=plan.start_ns,
        end_ns=ended.at_ns,
        exit=code,
        interrupted=ended.kind == "interrupted",
        ended=ended,
        counts=counts,
        pacing=tally.pacing(),
        token_gap_ms=tally.token_gap_ms(),
        probing=tally.probing,
        outcomes=dict(tally.outcomes),
        rules=plan.target.rules,
        options=plan.lab.local.model_dump(mode="json"),
        versions={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        host=Host(
            system=platform.system(), release=platform.release(), machine=platform.machine(), cpus=os.cpu_count()
        ),
        workers=workers,
    )
