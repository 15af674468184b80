"""Decides what a deployment admits: calls and tokens per minute, or the utilisation of provisioned units.

The mock of the local cloud and the simulator share it.

Pure: time comes in as an argument, in seconds on one monotonic clock. The rules are those of [D-QUOTA]; where it does
not say how a window lies, options decide.
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
"""Tokens per minute that one provisioned unit carries: gpt-4o's published figure, taken for every model."""
PTU_BURST_S = 10.0
"""Seconds of full throughput that fit the bucket; Azure says only that short bursts pass."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not admitted, and how long until one like it would be."""

    kind: Literal["call", "token", "utilisation"]
    wait_s: float


class Throttle(Protocol):
    """Admits requests, or says why not."""

    def admit(self, now: float, cost: int) -> Refusal | None:
        """None when admitted, which takes `cost` tokens and one call; else why not, and nothing is taken."""
        ...

    def headers(self, now: float) -> list[tuple[str, str]]:
        """The limit and the remaining quota that an answer reports."""
        ...


class CallWindow:
    """`rpm` judged over evaluation periods of `window_s`, the first beginning with the first request.

    A period may hold a fraction of the minute's calls that is no whole number: the periods take turns,
    so that over any minute of them the sum is `rpm`.
    """

    def __init__(self, rpm: int, window_s: float) -> None:
        self._share = rpm * window_s / MINUTE_S
        self._window_s = window_s
        self._epoch: float | None = None
        self._index, self._used = 0, 0

    def _roll(self, now: float) -> None:
        if self._epoch is None:
            self._epoch = now
        index = int((now - self._epoch) / self._window_s + 1e-9)  # the very start of a period is in it
        if index != self._index:
            self._index, self._used = index, 0

    def _allowance(self, index: int) -> int:
        return math.ceil((index + 1) * self._share - 1e-9) - math.ceil(index * self._share - 1e-9)

    def wait(self, now: float) -> float:
        """0 when a call fits; else seconds to the next period that has room."""
        self._roll(now)
        if self._used < self._allowance(self._index):
            return 0.0
        later = self._index + 1
        while self._allowance(later) == 0:
            later += 1
        return (0.0 if self._epoch is None else self._epoch) + later * self._window_s - now

    def take(self) -> None:
        """Count one call in the period last looked at."""
        self._used += 1


class TokenMinute:
    """Tokens of a minute that begins with its first request; the counter resets when it ends."""

    def __init__(self, tpm: int) -> None:
        self._tpm = tpm
        self._began: float | None = None
        self._used = 0

    def wait(self, now: float, cost: int) -> float:
        """0 when `cost` fits; else seconds to the reset; a day when it can never fit (seen so on Azure)."""
        if self._began is None or now - self._began >= MINUTE_S:
            self._began, self._used = now, 0
        if cost > self._tpm:
            return DAY_S
        return 0.0 if self._used + cost <= self._tpm else self._began + MINUTE_S - now

    def take(self, now: float, cost: int) -> None:
        """Count `cost` tokens in the minute last looked at."""
        self._used += cost

    def remaining(self, now: float) -> int:
        """Tokens left in the minute at `now`."""
        fresh = self._began is None or now - self._began >= MINUTE_S
        return self._tpm if fresh else self._tpm - self._used


class SlidingTokens:
    """Tokens of the last 60 seconds, `(now − 60, now]`."""

    def __init__(self, tpm: int) -> None:
        self._tpm = tpm
        self._taken = SlidingSum(MINUTE_S)

    def wait(self, now: float, cost: int) -> float:
        """0 when `cost` fits; else seconds until enough has left the window; a day when it can never fit."""
        wait_s = self._taken.wait(now, lambda used: used + cost <= self._tpm)
        return DAY_S if wait_s is None else wait_s

    def take(self, now: float, cost: int) -> None:
        """Count `cost` tokens at `now`."""
        self._taken.add(now, cost)

    def remaining(self, now: float) -> int:
        """Tokens left in the window that ends at `now`."""
        return self._tpm - int(self._taken.total(now))


class Quota:
    """Pay as you go: requests and tokens per minute. None: that side is without limit."""

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
        """The x-ratelimit pairs of the sides that have a limit."""
        found = []
        if self._minute is not None:
            left = max(0, self._minute.remaining(now))
            found += [("x-ratelimit-limit-requests", str(self.rpm)), ("x-ratelimit-remaining-requests", str(left))]
        if self._tokens is not None:
            left = max(0, self._tokens.remaining(now))
            found += [("x-ratelimit-limit-tokens", str(self.tpm)), ("x-ratelimit-remaining-tokens", str(left))]
        return found


class Utilisation:
    """Provisioned throughput as a leaky bucket: a call adds its cost, time drains it, and a full one refuses.

    The call that takes it over the brim is admitted, as Azure looks at the utilisation before the call.
    """

    def __init__(self, units: int) -> None:
        self._rate = units * PTU_TOKENS_PER_MINUTE / MINUTE_S
        self._size = self._rate * PTU_BURST_S
        self._level, self._at = 0.0, 0.0

    def _drain(self, now: float) -> None:
        self._level = max(0.0, self._level - (now - self._at) * self._rate)
        self._at = now

    def admit(self, now: float, cost: int) -> Refusal | None:
        """As Throttle has it."""
        self._drain(now)
        if self._level >= self._size:
            # A hair over, or the request sent at that very instant would find the bucket still full.
            return Refusal("utilisation", (self._level - self._size) / self._rate + 0.001)
        self._level += cost
        return None

    def headers(self, now: float) -> list[tuple[str, str]]:
        """The utilisation, in per cent with one digit."""
        self._drain(now)
        return [(UTILISATION, f"{100 * self._level / self._size:.1f}%")]
