"""The half-open state: trial requests decide whether a breaker closes or opens again.

There are two ways to decide. Without a share, the first failed probe opens the breaker, and it closes when all
permitted probes have succeeded; with one probe this is Polly's rule [POLLY]. With a share, it decides once all
permitted probes have answered, and opens if at least this share of them failed, as resilience4j does [RES-4J].
"""

from __future__ import annotations

__all__ = ["Probes"]


class Probes:
    """The probes of one half-open period after another. `permitted`: how many a period admits.

    `share`: failures in 100 probes that open the breaker; None: one failure opens it.
    """

    __slots__ = ("_out", "_passed", "failed", "period", "permitted", "share")

    def __init__(self, permitted: int, share: int | None = None) -> None:
        self.permitted = permitted
        self.share = share
        self.period = 0
        self.begin()

    def begin(self) -> None:
        """Begin a new period. Probes of the ones before no longer count."""
        self.period += 1
        self._out = self._passed = self.failed = 0

    def admits(self) -> bool:
        """Return whether the period admits one more probe."""
        return self._out + self._passed + self.failed < self.permitted

    def send(self) -> int:
        """Admit a probe, and return the number of its period."""
        self._out += 1
        return self.period

    def answered(self, failed: bool | None) -> bool | None:
        """Count a probe's answer. Return True if the breaker must open, False if it must close, None if neither yet.

        `failed` None: the answer shows nothing about the backend, and another probe is admitted in its place.
        """
        self._out -= 1
        self._passed += failed is False
        self.failed += failed is True
        if self.share is None and self.failed:
            return True
        answers = self._passed + self.failed
        if answers < self.permitted:
            return None
        return self.share is not None and self.failed * 100 >= self.share * answers
