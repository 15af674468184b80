"""Checks of the sign-in: a token, a subscription that it can see, and this machine's clock."""

from __future__ import annotations

from collections.abc import Callable

from provision.doctor.findings import Finding, error, ok, warning
from provision.lifecycle.azure_errors import CLOCK_TOLERANCE_S, clock_offset_s
from provision.resources.base import Context

__all__ = ["clock_finding", "sign_in"]

API_VERSION = "2022-12-01"
CLOSE_S = 5.0
"""Offset of the clock in seconds up to which nothing is said: the service's time has whole seconds."""


def sign_in(context: Context, wall_clock: Callable[[], float]) -> list[Finding]:
    """Read the subscription, which needs a token. `wall_clock` returns this machine's unix time in seconds.

    Raises the SDK's errors if the sign-in fails or the subscription is not visible.
    """
    from azure.core.exceptions import ClientAuthenticationError, map_error
    from azure.core.rest import HttpRequest

    cloud = context.cloud
    request = HttpRequest("GET", f"/subscriptions/{cloud.subscription_id}", params={"api-version": API_VERSION})
    response = context.clients.resources.send_request(request)
    now = wall_clock()
    map_error(response.status_code, response, {401: ClientAuthenticationError})
    response.raise_for_status()
    return [_subscription(response.json()), clock_finding(clock_offset_s(response, now))]


def _subscription(shown: dict[str, object]) -> Finding:
    """Return the finding about the state of the subscription."""
    name, state = shown.get("displayName"), str(shown.get("state"))
    if state == "Enabled":
        return ok("sign-in", f"subscription {name} is enabled")
    detail = f"subscription {name} is {state}, so nothing can be created in it"
    return error("sign-in", detail, "enable it in the portal (Subscriptions), or name another in subscription_id")


def clock_finding(offset_s: float | None) -> Finding:
    """Return the finding about this machine's clock, whose offset is None if the service named no time."""
    set_it = "set the clock, or switch its synchronisation on (`timedatectl set-ntp true`)"
    if offset_s is None:
        return warning("clock", "the service named no time to compare with", set_it)
    ahead = "ahead" if offset_s > 0 else "behind"
    if abs(offset_s) > CLOCK_TOLERANCE_S:
        return error("clock", f"{abs(offset_s):.0f} s {ahead} of the service: no token will be valid", set_it)
    if abs(offset_s) > CLOSE_S:
        return warning("clock", f"{abs(offset_s):.0f} s {ahead}: times in reports differ from Azure's", set_it)
    return ok("clock", f"within {CLOSE_S:.0f} s of the service's")
