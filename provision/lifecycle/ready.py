"""Ask a new gateway until its model answers: a lab is up only then.

A role assignment takes up to half an hour to have effect, and the model answers 401 until then [AZDOCS-98862]. A new
deployment, API or web app answers 404 or 5xx for some minutes.
"""

from __future__ import annotations

from collections.abc import Callable

from provision.lifecycle.progress import DONE_WORDS, Progress
from provision.lifecycle.smoke import advice, call_gateway, healthy_messages
from provision.resources.clouds import Cloud
from tripcurve.errors import TargetUnavailable
from tripcurve.lab import Lab
from tripcurve.target import Target

__all__ = ["ROLE_LIMIT_S", "wait_for_answer"]

ROLE_LIMIT_S = 2100.0
"""How long a role assignment is waited for: the longest that Microsoft names, and five minutes more."""
PASSING = frozenset({404, 408, 429, 500, 502, 503, 504})
"""Statuses of a gateway, deployment or web app that is still starting."""


def wait_for_answer(lab: Lab, target: Target, cloud: Cloud, progress: Progress, sleep: Callable[[float], None]) -> None:
    """Ask the gateway every `cloud.poll_s` seconds until the model answered 200.

    Raises TargetUnavailable, which says what does not work, as soon as waiting does not help or did not for too long.
    """
    progress.started("wait", f"an answer of {target.deployment}")
    waited, said = 0.0, None
    while True:
        try:
            status, detail = call_gateway(target, healthy_messages(lab))
        except TargetUnavailable as error:
            status, detail = None, str(error)
        if status == 200:
            progress.finished(DONE_WORDS["wait"])
            return
        reason, limit_s = _reason(status, lab, cloud)
        if waited >= limit_s:
            progress.finished("failed")
            raise TargetUnavailable(
                f"the gateway is there, but its model does not answer: {status or 'no status'}: "
                f"{advice(status, detail)}; everything is kept, and `tripcurve up {lab.name}` asks again"
            )
        if reason != said:
            progress.trouble(f"{reason}; asking again for up to {limit_s / 60:.0f} minutes")
            said = reason
        sleep(cloud.poll_s)
        waited += cloud.poll_s
        progress.lasting()


def _reason(status: int | None, lab: Lab, cloud: Cloud) -> tuple[str, float]:
    """Return why the model does not answer yet, and how many seconds it may take; 0 if waiting does not help."""
    if status == 401 and any(backend.kind == "openai" for backend in lab.backends):
        return "the gateway's role on the account has no effect yet (401), which takes up to 30 minutes", ROLE_LIMIT_S
    if status is None or status in PASSING:
        return f"the gateway or its backend is still starting ({status or 'no answer'})", cloud.outage_s
    return f"the gateway answered {status}", 0.0
