"""The gateway's own answers: JSON with the status and a message [CAPTURES]."""

from __future__ import annotations

from provision.local.apim.context import Body, Headers, PolicyContext, Response

__all__ = ["REASONS", "error_response", "internal_error"]

REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
REASONS |= {408: "Request Timeout", 413: "Payload Too Large", 429: "Too Many Requests", 431: "Headers Too Large"}
REASONS |= {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")


def error_response(status: int, message: str) -> Response:
    """Return the gateway's own JSON answer, with the blanks that Azure's has [CAPTURES]."""
    body = f'{{ "statusCode": {status}, "message": "{_quoted(message)}" }}'.encode()
    headers = Headers([("Content-Type", "application/json")])
    return Response(status, REASONS.get(status, ""), headers, Body(body))


def internal_error(context: PolicyContext) -> Response:
    """Return the 500 for an error that no policy handled, with the request's id [CAPTURES]."""
    text = f'{{ "statusCode": 500, "message": "Internal server error", "activityId": "{context.request_id}" }}'
    headers = Headers([("Content-Type", "application/json")])
    return Response(500, "Internal Server Error", headers, Body(text.encode()))
