"""Users that try again: at once, or when the answer says to. Side by side they show what a retry storm does."""

from __future__ import annotations

import gevent

from locustfiles.http.answer import Answer
from locustfiles.users.traffic import TrafficUser

__all__ = ["PatientChatUser", "StormChatUser"]

DEFAULT_WAIT_S = 1.0
"""What a patient client waits when the answer does not say."""


class StormChatUser(TrafficUser):
    """Tries again at once, up to the scenario's `max_retries` times. Each attempt is a record of its own."""

    def turn(self, intended_ns: int | None) -> None:
        """One request and its retries; the first attempt keeps its place in the schedule."""
        answer = self.chat(intended_ns)
        for _ in range(self.traffic.plan.scenario.max_retries):
            if not worth_retrying(answer):
                break
            self.wait_before_retry(answer)
            answer = self.chat()
        self.traffic.tally.outcomes[f"{self.name} {'gave up' if worth_retrying(answer) else 'settled'}"] += 1

    def wait_before_retry(self, answer: Answer) -> None:
        """Not at all."""


class PatientChatUser(StormChatUser):
    """Waits as long as Retry-After says before it tries again."""

    def wait_before_retry(self, answer: Answer) -> None:
        wait_s = self.traffic.reader.retry_after_s(answer)
        gevent.sleep(DEFAULT_WAIT_S if wait_s is None else wait_s)


def worth_retrying(answer: Answer) -> bool:
    """Whether a client in earnest would try again: throttled, shed, a server's error, or no whole answer."""
    return answer.error is not None or answer.status == 429 or answer.status >= 500
