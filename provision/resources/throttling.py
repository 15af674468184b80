"""Wait while ARM throttles calls, for as long as it asks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tripcurve.breaker.retry_after import parse_retry_after
from tripcurve.lab.local_options import LocalOptions

__all__ = ["Throttling"]

LIMIT_S = 3600.0
"""How long one call is repeated: ARM's longest window is an hour."""


class Throttling:
    """A policy of the SDK's pipeline that repeats a call after a 429.

    The SDK's own retries wait without a word, and give up after three. `pause` gets the seconds to wait and the reason;
    `least_s` is the wait in seconds without a Retry-After, and the shortest one.
    """

    next: Any

    def __init__(
        self, pause: Callable[[float, str], None], least_s: float, wall: Callable[[], float] = time.time
    ) -> None:
        self._pause, self._least_s, self._wall = pause, least_s, wall

    def send(self, request: Any) -> Any:
        """Send the request until the answer is no 429, or until the wait would pass LIMIT_S; return the answer."""
        waited = 0.0
        while True:
            answer = self.next.send(request)
            if answer.http_response.status_code != 429:
                return answer
            header = answer.http_response.headers.get("Retry-After")
            asked = parse_retry_after(header, None, self._wall(), LocalOptions())
            seconds = max(asked or 0.0, self._least_s)
            if waited + seconds > LIMIT_S:
                return answer
            self._pause(seconds, "ARM throttles this subscription (429)")
            waited += seconds
