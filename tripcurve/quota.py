"""Decide which requests a deployment admits: by calls and tokens per minute, or by utilisation of provisioned units.

The local cloud's mock and the simulator share this code. It is pure: time comes in as an argument, in seconds on one
monotonic clock. The rules are those of [D-QUOTA]; options choose the windows' positions, which it does not give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from tripcurve.sliding import SlidingSum

__all__ = ["CallWindow", "Quota", "Refusal", "SlidingTokens", "Throttle", "TokenMinute", "Utilisation"]

MINUTE_S = 60.0
DAY_S = 86_400.0
UTILISATION = "azure-openai-deployment-utilization"
PTU_TOKENS_PER_MINUTE = 2500
"""Tokens per minute of one provisioned unit: the published figure of gpt-4o, used for every model."""
PTU_BURST_S = 10.0
"""Size of the bucket, in seconds of full throughput. Azure says only that it admits short bursts."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not admitted, and the seconds until one of the same cost would be."""

    kind: Literal["call", "token", "utilisation"]
    wait_s: float


class Throttle(Protocol):
    """Admits or refuses requests."""

    def admit(self, now: float, cost: int) -> Refusal | None:
        """Count one call and `cost` tokens and return None; or count nothing and return why the request is refused."""
        ...

    def headers(self, now: float) -> list[tuple[str, str]]:
        """Return the headers in which an answer reports the limit and the remaining quota."""
        ...


class CallWindow:
    """Calls in periods of `window_s` seconds, of which the first begins with the first request.

    Each period admits its share of `rpm`. If that is not a whole number, the periods admit different numbers, whose sum
    over a minute is `rpm`.
    """

    def __init__(self, rpm: int, window_s: float) -> None:
        self._share = rpm * window_s / MINUTE_S
        self._window_s = window_s
        self._epoch: float | None = None
        self._index, self._used = 0, 0

    def _roll(self, now: float) -> None:
        if self._epoch is None:
            self._epoch = now
        index = int((now - self._epoch) / self._window_s + 1e-9)  # rounded: a period contains its first instant
        if index != self._index:
            self._index, self._used = index, 0

    def _allowance(self, index: int) -> int:
        return math.ceil((index + 1) * self._share - 1e-9) - math.ceil(index * self._share - 1e-9)

    def wait(self, now: float) -> float:
        """Return 0 if a call fits, else the seconds to the next period with room."""
        self._roll(now)
        if self._used < self._allowance(self._index):
            return 0.0
        later = self._index + 1
        while self._allowance(later) == 0:
            later += 1
        return (0.0 if self._epoch is None else self._epoch) + later * self._window_s - now

    def take(self) -> None:
        """Count one call in the period of the last `wait`."""
        self._used += 1


class TokenMinute:
    """Tokens per minute; a minute begins with its first request, and the counter resets when it ends."""

    def __init__(self, tpm: int) -> None:
        self._tpm = tpm
        self._began: float | None = None
        self._used = 0

    def wait(self, now: float, cost: int) -> float:
        """Return 0 if `cost` fits, else the seconds to the reset; a day if it can never fit, as seen on Azure."""
        if self._began is None or now - self._began >= MINUTE_S:
            self._began, self._used = now, 0
        if cost > self._tpm:
            return DAY_S
        return 0.0 if self._used + cost <= self._tpm else self._began + MINUTE_S - now

    def take(self, now: float, cost: int) -> None:
        """Count `cost` tokens in the minute of the last `wait`."""
        self._used += cost

    def remaining(self, now: float) -> int:
        """Return the tokens left in the minute at `now`."""
        fresh = self._began is None or now - self._began >= MINUTE_S
        return self._tpm if fresh else self._tpm - self._used


class SlidingTokens:
    """Tokens of the last 60 seconds, `(now − 60, now]`."""

    def __init__(self, tpm: int) -> None:
        self._tpm = tpm
        self._taken = SlidingSum(MINUTE_S)

    def wait(self, now: float, cost: int) -> float:
        """Return 0 if `cost` fits, else the seconds until enough has left the window; a day if it can never fit."""
        wait_s = self._taken.wait(now, lambda used: used + cost <= self._tpm)
        return DAY_S if wait_s is None else wait_s

    def take(self, now: float, cost: int) -> None:
        """Count `cost` tokens at `now`."""
        self._taken.add(now, cost)

    def remaining(self, now: float) -> int:
        """Return the tokens left in the window that ends at `now`."""
        return self._tpm - int(self._taken.total(now))


class Quota:
    """The quota of pay-as-you-go deployments: requests and tokens per minute. None means no limit."""

    def __init__(
        self, rpm: int | None, tpm: int | None, call_window_s: float = 10.0, tokens: str = "fixed_minute"
    ) -> None:
        self.rpm, self.tpm = rpm, tpm
        self._calls = None if rpm is None else CallWindow(rpm, call_window_s)
        self._minute = None if rpm is None else TokenMinute(rpm)
        window = TokenMinute if tokens == "fixed_minute" else SlidingTokens
        self._tokens = None if tpm is None else window(tpm)

    def admit(self, now: float, cost: int) -> Refusal | None:
        """See `Throttle`. If both limits refuse, the wait is the longer one."""
        call_s = 0.0 if self._calls is None else self._calls.wait(now)
        token_s = 0.0 if self._tokens is None else self._tokens.wait(now, cost)
        if token_s > 0 and token_s >= call_s:
            return Refusal("token", token_s)
        if call_s > 0:
            return Refusal("call", call_s)
        self._take(now, cost)
        return None

    def _take(self, now: float, cost: int) -> None:
        if self._calls is not None and self._minute is not None:
            self._calls.take()
            self._minute.wait(now, 0)  # begins a new minute when the last one is over
            self._minute.take(now, 1)
        if self._tokens is not None:
            self._tokens.take(now, cost)

    def headers(self, now: float) -> list[tuple[str, str]]:
        """Return the x-ratelimit headers of the limits that are set."""
        found = []
        if self._minute is not None:
            left = max(0, self._minute.remaining(now))
            found += [("x-ratelimit-limit-requests", str(self.rpm)), ("x-ratelimit-remaining-requests", str(left))]
        if self._tokens is not None:
            left = max(0, self._tokens.remaining(now))
            found += [("x-ratelimit-limit-tokens", str(self.tpm)), ("x-ratelimit-remaining-tokens", str(left))]
        return found


class Utilisation:
    """Provisioned throughput as a leaky bucket: a call adds its cost, time drains it, and a full bucket refuses calls.

    The call that overfills the bucket is admitted, because Azure checks the utilisation before the call.
    """

    def __init__(self, units: int) -> None:
        self._rate = units * PTU_TOKENS_PER_MINUTE / MINUTE_S
        self._size = self._rate * PTU_BURST_S
        self._level, self._at = 0.0, 0.0

    def _drain(self, now: float) -> None:
        self._level = max(0.0, self._level - (now - self._at) * self._rate)
        self._at = now

    def admit(self, now: float, cost: int) -> Refusal | None:
        """See `Throttle`."""
        self._drain(now)
        if self._level >= self._size:
            # Slightly longer, because a rounding error could leave the bucket full at that exact instant.
            return Refusal("utilisation", (self._level - self._size) / self._rate + 0.001)
        self._level += cost
        return None

    def headers(self, now: float) -> list[tuple[str, str]]:
        """Return the header with the utilisation in per cent, with one decimal."""
        self._drain(now)
        return [(UTILISATION, f"{100 * self._level / self._size:.1f}%")]
