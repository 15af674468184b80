"""Reads `ApiManagementGatewayLogs` of one gateway from Log Analytics [D-LOG]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.monitoring.clients import open_client, sent
from provision.resources.clouds import Cloud
from tripcurve.breaker.events import format_instant
from tripcurve.errors import TargetUnavailable

if TYPE_CHECKING:
    from provision.monitoring.clients import Client

__all__ = ["COLUMNS", "read_gateway_log"]

AZURE = "https://api.loganalytics.azure.com"
SCOPE = "https://api.loganalytics.io/.default"
COLUMNS = (
    *("TimeGenerated", "ResponseCode", "TotalTime", "BackendResponseCode", "BackendTime", "BackendId", "BackendUrl"),
    *("LastErrorReason", "_ResourceId"),
)
SHORTEST_NS = 1_000_000_000
"""A part of the time that is still too large an answer at this length is given up."""

Table = dict[str, object]


def read_gateway_log(cloud: Cloud, service_id: str, start_ns: int, end_ns: int) -> list[Table]:
    """Return the rows of a time as tables of the service's answers. `start_ns` and `end_ns`: unix ns, the end excluded.

    An answer has at most 500,000 rows; a longer time is asked for in halves. Raises TargetUnavailable if there are no
    rows, and the SDK's errors.
    """
    base_url = AZURE if cloud.kind == "azure" else cloud.management_url
    with open_client(cloud, base_url, SCOPE) as client:
        tables = _tables(client, service_id, start_ns, end_ns)
    if not any(table.get("rows") for table in tables):
        raise TargetUnavailable(
            "Log Analytics has no requests of the run yet; it receives them within some minutes. If it never does, add "
            "a diagnostic setting to the gateway that sends GatewayLogs to a workspace (destination table: resource "
            "specific)"
        )
    return tables


def _tables(client: Client, service_id: str, start_ns: int, end_ns: int) -> list[Table]:
    from azure.core.rest import HttpRequest

    begin, end = _instant(start_ns), _instant(end_ns)
    query = (
        f"ApiManagementGatewayLogs | where TimeGenerated >= datetime({begin}) and TimeGenerated < datetime({end}) "
        f"| project {', '.join(COLUMNS)}"
    )
    body = {"query": query, "timespan": f"{begin}/{end}"}
    answer = sent(
        client, HttpRequest("POST", client.format_url(f"/v1{service_id}/query"), json=body), "Log Analytics Reader"
    ).json()
    if "error" not in answer:
        found: list[Table] = answer["tables"]
        return found
    if end_ns - start_ns <= SHORTEST_NS:
        raise TargetUnavailable(
            f"Log Analytics returns only a part of the second from {begin} on; the run is too dense"
        )
    middle = (start_ns + end_ns) // 2
    return _tables(client, service_id, start_ns, middle) + _tables(client, service_id, middle, end_ns)


def _instant(unix_ns: int) -> str:
    """Return an instant with seven digits of a second, the most that the query language has."""
    return f"{format_instant(unix_ns)[:-3]}Z"
