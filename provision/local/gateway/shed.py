"""The answer of an open breaker [CAPTURES] [SAMPLES]."""

from __future__ import annotations

import math
from collections.abc import Sequence

from provision.local.apim.context import Body, Headers, Response
from provision.local.apim.policies.answers import REASONS
from provision.local.gateway.backends import BackendEntity
from tripcurve.lab.local_options import LocalOptions

__all__ = ["shed_response"]


def shed_response(
    entity: BackendEntity, tripped: Sequence[BackendEntity], now: float, options: LocalOptions
) -> Response:
    """Return the answer for a backend whose breaker is open, or for a pool whose members (`tripped`) are all open.

    The status is 503 unless the rule or the pool states another. The captures show a JSON body that names the pool, and
    Retry-After; the wording is ours. Retry-After is rounded up to whole seconds, so that a client that waits as asked
    is not shed again.
    """
    status = entity.shed_status
    kind = "Backend pool" if entity.is_pool else "Backend"
    message = f"{kind} '{entity.name}' is temporarily unavailable."
    legacy = f"{kind} {entity.name} is temporarily unavailable"
    reason = REASONS.get(status, "") if options.shed_profile == "2026" else legacy
    headers = Headers([("content-type", "application/json")])
    wait = _retry_after(entity, tripped, now, options)
    if wait is not None:
        headers.append("retry-after", str(wait))
    return Response(status, reason, headers, Body(f'{{ "statusCode": {status}, "message": "{message}" }}'.encode()))


def _retry_after(
    entity: BackendEntity, tripped: Sequence[BackendEntity], now: float, options: LocalOptions
) -> int | None:
    if options.shed_retry_after == "none_for_single" and not entity.is_pool:
        return None
    if options.shed_retry_after == "last_tripped":
        tripped = sorted(tripped, key=lambda member: member.opened_at)[-1:]
    deadlines = [member.breaker.open_until for member in tripped if member.breaker is not None]
    left = [until - now for until in deadlines if until is not None]
    return max(math.ceil(min(left)), 1) if left else None
