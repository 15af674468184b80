"""How clients retry a failed call: not at all, as the `openai` package does, after Retry-After, or at once.

And how long they wait for an answer.
"""

from __future__ import annotations

import random

from tripcurve.run.record import CANCELED
from tripcurve.scenario import Scenario

__all__ = ["patience", "retry_wait_s"]

_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 8.0
_LONGEST_HINT_S = {3: 120.0, 2: 60.0, 1: 60.0}
_PATIENT_S = 1.0


def retry_wait_s(
    user: str, status: int, retry_after_s: float | None, retries: int, rng: random.Random, *, sdk_version: int = 3
) -> float | None:
    """Return the seconds until the client sends the call again, or None if it gives up.

    `status`: 0 if no answer came. `retries`: how often this call was retried before. `sdk_version`: the major version
    of the `openai` package, 1 to 3, whose back-off SdkChatUser follows [SDK-OPENAI]. Up to version 2, a Retry-After of
    more than 60 s is ignored; from 3 on, one of more than 120 s ends the retries.
    """
    if user == "SdkChatUser":
        return _sdk_wait_s(status, retry_after_s, retries, rng, sdk_version)
    if status != 0 and status != 429 and status < 500:
        return None
    if user == "StormChatUser":
        return 0.0
    if user == "PatientChatUser":
        return _PATIENT_S if retry_after_s is None else retry_after_s
    return None


def patience(user: str, scenario: Scenario) -> tuple[float, str]:
    """Return how long a client waits for an answer, s, and the error of a request that takes longer."""
    if user == "CancelChatUser" and scenario.cancel_after < scenario.timeout:
        return scenario.cancel_after, CANCELED
    return scenario.timeout, "Timeout"


def _sdk_wait_s(
    status: int, retry_after_s: float | None, retries: int, rng: random.Random, sdk_version: int
) -> float | None:
    if status not in (0, 408, 409, 429) and status < 500:
        return None
    longest = _LONGEST_HINT_S[sdk_version]
    if retry_after_s is not None and 0 < retry_after_s <= longest:
        return retry_after_s
    if retry_after_s is not None and retry_after_s > longest and sdk_version >= 3:
        return None
    return min(_FIRST_DELAY_S * 2.0 ** min(retries, 1000), _LONGEST_DELAY_S) * (1 - 0.25 * rng.random())
