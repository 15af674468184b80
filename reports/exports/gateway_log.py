"""The gateway's log of requests: rows of its own table, or Application Insights' requests and dependencies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from reports.exports.files import Record
from tripcurve.errors import BadInput
from tripcurve.gateways import export_of
from tripcurve.lab import Lab

__all__ = ["GatewayLog", "instant_of", "is_gateway_log", "read_gateway_log"]

Numbers = npt.NDArray[np.int64]
MS = 1_000_000
_TIMES = ("timegenerated", "time", "timestamp")


@dataclass(frozen=True)
class GatewayLog:
    """Requests as the gateway logged them, in the order of their start. All arrays have one entry per request.

    `start_ns`: when the gateway began to process it, unix ns on Azure's clock. `total_ns`: until its last byte was
    sent, ns. `backend_ns`: the part spent on the backend, ns; -1 if it reached none. `status`: what the client got.
    `backend`: the lab's name of the backend that answered, or None. `precision_ns`: how far an instant can be off
    because the log has whole milliseconds or fewer digits than a nanosecond needs.
    """

    start_ns: Numbers
    total_ns: Numbers
    backend_ns: Numbers
    status: Numbers
    backend: list[str | None]
    precision_ns: int


def is_gateway_log(records: list[Record]) -> bool:
    """Return whether these are requests that a gateway logged."""
    return any(_first(record, _TIMES) is not None and _status(record) is not None for record in records)


def read_gateway_log(records: list[Record], lab: Lab) -> GatewayLog:
    """Return the requests that went through the lab's gateway, with a status and a time.

    Raises BadInput if they belong to another service, or name a backend that the lab does not have.
    """
    _check_service(records, lab)
    calls = _backend_calls(records)
    found = [_request(record, calls, lab) for record in records if _is_request(record)]
    requests = sorted(one for one in found if one is not None)
    if not requests:
        raise BadInput("the export has no requests with a time, a response code and a duration")
    start, total, backend_ns, status, names, precision = zip(*requests, strict=True)
    return GatewayLog(
        np.array(start, np.int64),
        np.array(total, np.int64),
        np.array(backend_ns, np.int64),
        np.array(status, np.int64),
        [name or None for name in names],
        max(precision) + MS,
    )


def _check_service(records: list[Record], lab: Lab) -> None:
    export = export_of(lab)
    wanted = f"/service/{lab.gateway.name}".lower()
    for record in records:
        resource = str(_first(record, ("_resourceid", "resourceid")) or "").lower()
        if export.resource in resource and not resource.endswith(wanted):
            name = resource.rpartition("/")[2]
            raise BadInput(f"the export is of the {export.service} {name!r}; the run used {lab.gateway.name!r}")


def _is_request(record: Record) -> bool:
    return str(record.get("itemtype", "request")) == "request" and _status(record) is not None


def _backend_calls(records: list[Record]) -> dict[str, float]:
    """Return the time spent on backends, ms, by operation: Application Insights lists each call as a dependency."""
    spent: dict[str, float] = {}
    for record in records:
        duration = _number(record.get("duration"))
        if str(record.get("itemtype")) == "dependency" and duration is not None:
            operation = str(record.get("operation_id"))
            spent[operation] = spent.get(operation, 0.0) + duration
    return spent


def _request(record: Record, calls: dict[str, float], lab: Lab) -> tuple[int, int, int, int, str, int] | None:
    """Return start, total, time on the backend, status, backend and precision; None if the record lacks one."""
    status = _status(record)
    total_ms = _number(_first(record, ("totaltime", "durationms", "duration")))
    time = _first(record, _TIMES)
    if status is None or total_ms is None or time is None:
        return None
    start_ns, precision_ns = instant_of(str(time))
    if record.get("itemtype") is None:
        reached = _number(record.get("backendresponsecode")) not in (None, 0.0)
        backend_ms = _number(record.get("backendtime")) or 0.0
    else:
        operation = str(record.get("operation_id"))
        reached, backend_ms = operation in calls, calls.get(operation, 0.0)
    name = _backend(record, lab) if reached else ""
    return start_ns, round(total_ms * MS), round(backend_ms * MS) if reached else -1, status, name, precision_ns


def _backend(record: Record, lab: Lab) -> str:
    """Return the lab's name of the backend. A pool's name, or none, leaves it open unless the lab has only one."""
    named = str(record.get("backendid") or "")
    names = {backend.name.lower(): backend.name for backend in lab.backends}
    if named.lower() in names:
        return names[named.lower()]
    url = str(record.get("backendurl") or record.get("target") or "").lower()
    hosts = [backend.name for backend in lab.backends if backend.host in url]
    if len(hosts) == 1:
        return hosts[0]
    return lab.backends[0].name if len(lab.backends) == 1 else ""


def _status(record: Record) -> int | None:
    number = _number(_first(record, ("responsecode", "resultcode")))
    return int(number) if number is not None and 100 <= number <= 599 else None


def _first(record: Record, names: tuple[str, ...]) -> Any:
    return next((record[name] for name in names if record.get(name) not in (None, "")), None)


def _number(value: Any) -> float | None:
    """Return a finite number that fits the record's columns; None for anything else."""
    try:
        number = float(str(value).replace(",", ""))
    except ValueError:
        return None
    return number if abs(number) < 2**31 else None


def instant_of(text: str) -> tuple[int, int]:
    """Return an ISO 8601 instant in unix ns, and how far the truth can be from it because of the digits it has, ns.

    The portal's form `11/29/2026, 6:16:54.123 AM` is read too; both are UTC. Raises BadInput for any other form.
    """
    whole, _, rest = text.strip().replace("Z", "+00:00").partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    after = rest[len(digits) :]
    for form in (None, "%m/%d/%Y, %I:%M:%S %p"):
        try:
            moment = datetime.fromisoformat(whole + after) if form is None else datetime.strptime(whole + after, form)
        except ValueError:
            continue
        seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
        return seconds * 1_000_000_000 + int(digits[:9].ljust(9, "0")), 10 ** max(9 - len(digits), 0)
    raise BadInput(f"the export has a time {text!r} that is not ISO 8601")
