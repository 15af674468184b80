"""What Azure would have exported of a virtual gateway's run, and the run as a client beyond a network recorded it."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.virtual import EPOCH_NS, VirtualRun, run_virtual
from tests.virtual_run import write_virtual_run
from tripcurve.lab import Lab
from tripcurve.run.layout import EVENTS
from tripcurve.run.record import Row
from tripcurve.scenario import Scenario

SERVICE = "/subscriptions/s/resourceGroups/r/providers/Microsoft.ApiManagement/service/"


def recorded_and_logged(
    folder: Path, lab: Lab, scenario: Scenario, *, seed: int = 1, ahead_s: float = 0.1372, way_s: float = 0.01
) -> tuple[VirtualRun, list[dict[str, Any]]]:
    """Write the run directory as the client had it, without truth. Returns the truth, and the gateway's log.

    Azure's clock is `ahead_s` ahead. Each way to the gateway takes up to `way_s`.
    """
    truth = run_virtual(lab, scenario, seed=seed)
    log = [_logged(row, lab, ahead_s) for row in truth.samples]
    rng = random.Random(seed)
    seen = sorted(_beyond(row, rng.random() * way_s, rng.random() * way_s) for row in truth.samples)
    write_virtual_run(folder, lab, scenario, dataclasses.replace(truth, samples=seen))
    (folder / EVENTS).unlink()
    return truth, log


def _beyond(row: Row, there_s: float, back_s: float) -> Row:
    there_us, back_us = round(there_s * 1e6), round(back_s * 1e6)
    start_ns = row.start_ns - there_us * 1000
    return row._replace(start_ns=start_ns, intended_ns=start_ns, latency_us=row.latency_us + there_us + back_us)


def _logged(row: Row, lab: Lab, ahead_s: float) -> dict[str, Any]:
    reached = row.origin == "backend"
    return {
        "TimeGenerated": iso(row.start_ns + round(ahead_s * 1e9)),
        "ResponseCode": row.status,
        "TotalTime": row.latency_us // 1000,
        "BackendResponseCode": row.status if reached else None,
        "BackendTime": row.latency_us // 1000 if reached else 0,
        "BackendId": row.backend if reached else "",
        "_ResourceId": f"{SERVICE}{lab.gateway.name}",
    }


def iso(unix_ns: int, digits: int = 7) -> str:
    """An instant as Azure writes it."""
    seconds, ns = divmod(unix_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{f'{ns:09d}'[:digits]}Z"


def published(
    lab: Lab, truth: VirtualRun, *, ahead_s: float = 0.1372, cloud_event: bool = False
) -> list[dict[str, Any]]:
    """The breaker events as Event Grid delivers them, or as CloudEvents in the announcement's spelling."""
    found = []
    for _, backend, rule, event in truth.events:
        kind = type(event).__name__
        time = iso(EPOCH_NS + round((event.at + ahead_s) * 1e9))
        data = {"backendName": backend, "circuitBreaker": {"rules": {rule: {"tripDuration": "00:00:01"}}}}
        subject, service = f"/backends/{backend}/circuit-breaker/rules/{rule}", f"{SERVICE}{lab.gateway.name}"
        if cloud_event:
            name = f"Microsoft.ApiManagement.Gateway.CircuitBreaker{kind}"
            found.append({"specversion": "1.0", "type": name, "source": service, "time": time, "data": data})
        else:
            name = f"Microsoft.ApiManagement.CircuitBreaker.{kind}"
            found.append({"topic": service, "subject": subject, "eventType": name, "eventTime": time, "data": data})
    return found
