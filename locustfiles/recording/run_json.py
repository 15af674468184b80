"""Makes the content of run.json: versions, machine, target, start and end, counts, and how the run ended."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from pydantic import ValidationError

from locustfiles.conduct.plan import Plan
from locustfiles.recording.local_cloud import gateway_counts
from locustfiles.recording.tally import Tally
from tripcurve import __version__
from tripcurve.run.info import Counts, Ended, Host, RunInfo, WorkerInfo
from tripcurve.run.record import SCHEMA_VERSION
from tripcurve.target import Target

__all__ = ["count_requests", "describe_run"]

LIBRARIES = ("locust", "gevent", "httptools", "pyarrow", "openai")
"""The libraries whose versions run.json names, because they affect the measurement."""


def count_requests(target: Target, recorded: int) -> Counts:
    """Return the number of recorded rows and, if the target can be asked, the target's own counts."""
    try:
        counts = Counts.model_validate({"recorded": recorded} | gateway_counts(target))
    except ValidationError:
        return Counts(recorded=recorded)
    served = None if counts.gateway is None else counts.gateway.requests
    return counts if served is None else counts.model_copy(update={"unrecorded": served - recorded})


def describe_run(
    plan: Plan, counts: Counts, tally: Tally, ended: Ended, code: int, workers: list[WorkerInfo]
) -> RunInfo:
    """Return the content of run.json. `code`: the exit code of the Locust process."""
    return RunInfo(
        schema=SCHEMA_VERSION,
        tripcurve=__version__,
        lab=plan.lab.name,
        scenario=plan.scenario.name,
        target=plan.target.kind,
        gateway=plan.lab.gateway.kind,
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
        calls=tally.call_counts(),
        rules=plan.target.rules,
        options=plan.lab.local.model_dump(mode="json"),
        versions=_versions(plan.target),
        host=Host(
            system=platform.system(), release=platform.release(), machine=platform.machine(), cpus=os.cpu_count()
        ),
        workers=workers,
    )


def _versions(target: Target) -> dict[str, str]:
    """Return the versions of Python and of each library, and that of the gateway's program if it is known."""
    gateway = {} if target.gateway_version is None else {"gateway": target.gateway_version}
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES} | gateway
