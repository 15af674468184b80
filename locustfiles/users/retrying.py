"""Users that retry, at once or after Retry-After. Run side by side, they show the effect of a retry storm."""

from __future__ import annotations

import gevent

from locustfiles.http.answer import Answer
from locustfiles.users.traffic import TrafficUser

__all__ = ["PatientChatUser", "StormChatUser"]

DEFAULT_WAIT_S = 1.0
"""How long a patient client waits if the answer has no Retry-After."""


class StormChatUser(TrafficUser):
    """Retries at once, up to the scenario's `max_retries` times. Each attempt is recorded as a row of its own."""

    def turn(self, intended_ns: int | None) -> None:
        """Send one request and its retries. Only the first attempt is recorded with the arrival's intended time."""
        answer = self.chat(intended_ns)
        self.traffic.count_attempt(answer, first=True)
        for _ in range(self.traffic.plan.scenario.max_retries):
            if not worth_retrying(answer):
                break
            self.wait_before_retry(answer)
            answer = self.chat()
            self.traffic.count_attempt(answer, first=False)
        self.traffic.tally.outcomes[f"{self.name} {'gave up' if worth_retrying(answer) else 'settled'}"] += 1

    def wait_before_retry(self, answer: Answer) -> None:
        """Do not wait; subclasses do."""


class PatientChatUser(StormChatUser):
    """Waits for the answer's Retry-After, or `DEFAULT_WAIT_S`, before each retry."""

    def wait_before_retry(self, answer: Answer) -> None:
        wait_s = self.traffic.reader.retry_after_s(answer)
        gevent.sleep(DEFAULT_WAIT_S if wait_s is None else wait_s)


def worth_retrying(answer: Answer) -> bool:
    """Return whether a real client would retry: after a 429, a 5xx (which includes a shed), or an incomplete answer."""
    return answer.error is not None or answer.status == 429 or answer.status >= 500
