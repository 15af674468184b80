"""Sends one request before the traffic, to check that the target answers and accepts the key.

Its body has no messages, so the backend refuses it and no tokens are spent. It uses the same client and the same
trusted certificates as the traffic.
"""

from __future__ import annotations

import gevent

from locustfiles.http.address import Address
from locustfiles.http.answer import Answer
from locustfiles.http.client import Client, Deadlines
from locustfiles.http.heads import request_head
from tripcurve.errors import TargetUnavailable
from tripcurve.target import Target

__all__ = ["try_target"]

TIMEOUT_S = 10
BODY = b"{}"


def try_target(target: Target) -> None:
    """Send one request. Raises TargetUnavailable if nothing answers, the key is refused or the API is not found."""
    gateway, answer = target.gateway_url, _try(target)
    if answer.error in ("CertificateInvalid", "TlsFailure"):
        raise TargetUnavailable(
            f"{gateway}: this machine does not trust its certificate, or the server does not use TLS"
        )
    if answer.error == "Timeout":
        raise TargetUnavailable(f"{gateway} did not answer within {TIMEOUT_S} s; is --target right?")
    if answer.status == 0:
        reason = f"({answer.error})"
        raise TargetUnavailable(f"{gateway} cannot be reached {reason}; is --target right, and the gateway up?")
    if answer.status in (401, 403):
        raise TargetUnavailable(f"{gateway} refused the key ({answer.status}); check TRIPCURVE_API_KEY")
    if answer.status == 404:
        raise TargetUnavailable(
            f"{gateway} has no API at {target.chat_path} (404); "
            "check api.path, api.version and model.deployment in the lab"
        )


def _try(target: Target) -> Answer:
    address, deadlines = Address.of_url(target.gateway_url, target.ca_file), Deadlines()
    sweep = gevent.spawn(deadlines.run)
    client = Client(address, TIMEOUT_S, deadlines)
    try:
        return client.exchange(request_head(target, address, len(BODY), None) + BODY)
    finally:
        client.close()
        sweep.kill()
