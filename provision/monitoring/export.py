"""Fetch Azure's record of a run into its directory, as a file that `tripcurve truth RUN --from FILE` reads."""

from __future__ import annotations

import json
from pathlib import Path

from provision.commands import CloudOptions
from provision.lifecycle.azure_errors import explained
from provision.monitoring.event_queue import Message, drain
from provision.monitoring.gateway_log import read_gateway_log
from provision.resources.clouds import Cloud
from provision.resources.events import QUEUE, account_name
from tripcurve.breaker.events import event_of
from tripcurve.documents import read_document
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.lab import Lab
from tripcurve.run.info import RunInfo
from tripcurve.run.layout import LAB
from tripcurve.run.writing import write_whole

__all__ = ["EVENT_EXPORT", "LOG_EXPORT", "fetch_export"]

LOG_EXPORT = "azure-gateway-log.json"
EVENT_EXPORT = "azure-events.jsonl"
AROUND_NS = 60_000_000_000
"""Time before and after the run that is asked for, because the clocks may differ by as much."""


def fetch_export(folder: Path, source: str, queue: str | None, options: CloudOptions) -> Path:
    """Write what `source` (loganalytics or eventgrid) has of the run in `folder`, and return the file.

    `queue`: the URL of the storage queue for eventgrid; None means the one that `events: true` in the lab made. Raises
    BadInput if the run has no start and end, or no queue is named; TargetUnavailable if the service has nothing or does
    not answer.
    """
    lab = read_document(folder / LAB, Lab, "lab")
    cloud = options.choose(lab)
    gateway = f"/resourceGroups/{lab.resource_group}/providers/Microsoft.ApiManagement/service/{lab.gateway.name}"
    service_id = f"/subscriptions/{cloud.subscription_id}{gateway}"
    with explained(cloud):
        if source == "loganalytics":
            return _log(folder, cloud, service_id)
        return _events(folder, cloud, service_id, _queue(queue, lab, cloud))


def _log(folder: Path, cloud: Cloud, service_id: str) -> Path:
    info = RunInfo.read(folder)
    if info is None or info.start_ns is None or info.end_ns is None:
        raise BadInput(f"{folder}: the run's start and end are not recorded; export the log's rows to a file instead")
    tables = read_gateway_log(cloud, service_id, info.start_ns - AROUND_NS, info.end_ns + AROUND_NS)
    path = folder / LOG_EXPORT
    write_whole(path, json.dumps({"tables": tables}) + "\n")
    return path


def _queue(named: str | None, lab: Lab, cloud: Cloud) -> str:
    """Return the URL of the queue: the one named, else the one that the lab's `up` made."""
    if named is not None:
        return named
    if not lab.events:
        raise BadInput(
            "--from eventgrid needs `events: true` in the lab, or --queue URL: the Event Grid subscription's queue"
        )
    account = account_name(f"/subscriptions/{cloud.subscription_id}/resourceGroups/{lab.resource_group}", lab.name)
    if cloud.kind == "azure":
        return f"https://{account}.queue.core.windows.net/{QUEUE}"
    return f"{cloud.management_url}/_local/queues/{account}/{QUEUE}"


def _events(folder: Path, cloud: Cloud, service_id: str, queue: str) -> Path:
    """Move the gateway's breaker events from the queue to a file of the run, behind those of an earlier call."""
    path = folder / EVENT_EXPORT

    def keep(messages: list[Message]) -> None:
        before = path.read_text("utf-8") if path.exists() else ""
        write_whole(path, before + "".join(json.dumps(message.event) + "\n" for message in messages))

    if not drain(cloud, queue, lambda message: _is_of(message, service_id), keep) and not path.read_text("utf-8"):
        path.unlink()
        raise TargetUnavailable(
            "the queue has no breaker events of this gateway; Event Grid delivers within some minutes. If it never "
            "does, check the event subscription of the gateway (types CircuitBreaker.Opened and .Closed)"
        )
    return path


def _is_of(message: Message, service_id: str) -> bool:
    """Return whether the message is a breaker event of this gateway."""
    event = message.event
    if event is None or str(event.get("topic") or event.get("source")).lower() != service_id.lower():
        return False
    try:
        return event_of(event) is not None
    except BadInput:
        return False  # one malformed event must not hold back the others
