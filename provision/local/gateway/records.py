"""Lines of the gateway's log: the columns of Azure Monitor's ApiManagementGatewayLogs, and one line per attempt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from provision.local.apim.context import Url
from provision.local.gateway.visit import Visit
from provision.local.wire.messages import Request

__all__ = ["attempt_records", "request_record"]


def request_record(
    visit: Visit, request: Request, status: int, sizes: tuple[int, int], total_s: float
) -> dict[str, Any]:
    """Return the line of one client request. Times are in ms, as on Azure. `status` 0: the client left first."""
    error = visit.last_error
    last = visit.tries[-1] if visit.tries else None
    backend_ms = round(sum(attempt.took_s for attempt in visit.tries) * 1000, 3)
    total_ms = round(total_s * 1000, 3)
    return {
        "Type": "ApiManagementGatewayLogs",
        "_ResourceId": visit.deployment.service_id,
        "TimeGenerated": visit.timestamp,
        "CorrelationId": visit.request_id,
        "Region": visit.deployment.region,
        "ApiId": visit.api.id or None,
        "OperationId": visit.operation.id or None,
        "ProductId": visit.product.id if visit.product is not None else None,
        "ApimSubscriptionId": visit.subscription.id if visit.subscription is not None else None,
        "UserId": visit.user.id if visit.user is not None else None,
        "BackendId": visit.backend_name,
        "BackendUrl": None if last is None else _without_query(last.url),
        "BackendMethod": visit.request.method if last is not None else None,
        "BackendProtocol": "HTTP/1.1" if last is not None else None,
        "BackendResponseCode": None if last is None else last.status,
        "BackendTime": backend_ms,
        "ClientTime": round(max(total_ms - backend_ms, 0.0), 3),
        "TotalTime": total_ms,
        "Cache": "none",
        "CacheTime": 0,
        "ResponseCode": status,
        "IsRequestSuccess": 200 <= status < 400,
        "RequestSize": sizes[0],
        "ResponseSize": sizes[1],
        "CallerIpAddress": request.peer,
        "Method": request.method,
        "Url": _without_query(visit.request.original_url),
        "ClientProtocol": f"HTTP/{request.version}",
        "LastErrorSource": error.source if error is not None else None,
        "LastErrorReason": error.reason if error is not None else None,
        "LastErrorMessage": error.message if error is not None else None,
        "LastErrorSection": error.section if error is not None else None,
        "LastErrorScope": error.scope if error is not None else None,
        "LastErrorElapsed": total_ms if error is not None else None,
        "Errors": [error.reason] if error is not None else [],
        "TraceRecords": visit.traces,
        "Attempts": len(visit.tries),
    }


def attempt_records(visit: Visit) -> list[dict[str, Any]]:
    """Return a line for each call to a backend. Azure has these only as dependencies in Application Insights."""
    return [
        {
            "Type": "BackendAttempt",
            "TimeGenerated": visit.timestamp + timedelta(seconds=attempt.started - visit.started),
            "CorrelationId": visit.request_id,
            "Attempt": number,
            "BackendId": attempt.backend,
            "BackendUrl": _without_query(attempt.url),
            "BackendResponseCode": attempt.status,
            "BackendTime": round(attempt.took_s * 1000, 3),
            "ErrorReason": attempt.reason,
        }
        for number, attempt in enumerate(visit.tries, 1)
    ]


def _without_query(url: Url) -> str:
    """Return the URL without its query, which may contain a subscription key."""
    return url.origin() + url.path
