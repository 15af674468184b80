"""One request before the traffic: is the target there, and does it take the key?

Its body has no messages, so no model answers it and no token is spent: a gateway that is well
passes it on, and the backend refuses it.
"""

from __future__ import annotations

import requests

from tripcurve.errors import TargetUnavailable
from tripcurve.target import Target

__all__ = ["check_target"]

TIMEOUT_S = 10


def check_target(target: Target) -> None:
    """Raises TargetUnavailable when nothing answers, the key is refused or the API is not there."""
    gateway = target.gateway_url
    url = gateway + target.chat_path
    headers = {"api-key": target.api_key.get_secret_value(), "content-type": "application/json"}
    try:
        status = requests.post(url, data=b"{}", headers=headers, timeout=TIMEOUT_S, allow_redirects=False).status_code
    except requests.exceptions.SSLError:
        raise TargetUnavailable(f"{gateway}: its certificate is not trusted here, or it speaks no TLS") from None
    except requests.exceptions.Timeout:
        raise TargetUnavailable(f"{gateway} did not answer within {TIMEOUT_S} s; is --target right?") from None
    except requests.exceptions.RequestException:
        raise TargetUnavailable(f"{gateway} cannot be reached; is --target right, and the gateway up?") from None
    if status in (401, 403):
        raise TargetUnavailable(f"{gateway} refused the key ({status}); check TRIPCURVE_API_KEY")
    if status == 404:
        raise TargetUnavailable(
            f"{gateway} has nothing at {target.chat_path} (404); "
            "check api.path, api.version and model.deployment in the lab"
        )
