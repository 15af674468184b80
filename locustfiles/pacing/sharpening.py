"""Decides when to probe an open breaker, so that its reset is known closely at the cost of a few sheds.

An open breaker answers without its backend, so it can be probed often. Probes are sent one after another, closer
together near the expected reset, until one is admitted: at most one reaches a backend in each open period. Nothing here
reads a clock or sends: instants (monotonic ns) come in as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tripcurve.breaker.failure import FailureTest
from tripcurve.gateways import profile_of
from tripcurve.lab import Lab
from tripcurve.run.info import Probing, SharpenedReset

__all__ = ["Seen", "Sharpener", "reason_not_to_probe"]

LEAD_NS = 10_000_000
"""Probing starts this long before the earliest instant of the expected reset, because a busy machine wakes up late."""
LATE_NS = 100_000_000
"""A gateway that checks its breakers on a timer resets up to this much later than the rule says."""
GROWTH = 0.05
"""Without an expected reset, or after it, the gap between probes is this fraction of the time that has passed."""
FIRST_GAP_NS = 50_000_000
MOST_RESETS = 1000
AIM = 0.9
"""Probes are aimed at this fraction of the gap that is asked for, because timers wake up late."""
MOST_UNEXPLAINED = 3
"""How often in a row a breaker may seem to open again without enough failures before it is taken for several."""
SOON = 0.1
"""A period is too short to be one breaker's if it lasts less than this fraction of the rule's time."""


def reason_not_to_probe(lab: Lab, sharpen_s: float | None, budget: int) -> str | None:
    """Return why open breakers are not probed in a run, or None if they are. `sharpen_s` None: probing is off."""
    if sharpen_s is None:
        return "turned off"
    if budget == 0:
        return "the budget is 0"
    if lab.stated_units != 1:
        several = "may have several instances" if lab.stated_units is None else "has several units"
        return f"the gateway {several}, and an answer does not show which of them gave it"
    return None


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer, as far as it shows a breaker's state. `backend_us`, `retry_after_s` None: not reported.

    `other_refusal`: the gateway refused the request for another reason than an open breaker.
    """

    start_ns: int
    end_ns: int
    status: int
    from_gateway: bool
    backend_us: int | None = None
    retry_after_s: float | None = None
    probe: bool = False
    other_refusal: bool = False


@dataclass(slots=True)
class _Period:
    """One open period. `expected`: earliest and latest instant of the reset; None: not known."""

    began: tuple[int, int]
    expected: tuple[int, int] | None
    last_shed_ns: int
    asked: int = 0
    last_ask_ns: int | None = None
    gaps_ns: list[int] = field(default_factory=list)


class Sharpener:
    """Follows the answers of a gateway and names the instant of the next probe.

    `sharpen_s`: the smallest gap between probes. `budget`: the most probes in one open period.
    """

    def __init__(self, lab: Lab, sharpen_s: float, budget: int) -> None:
        guarded = [each.breaker for each in lab.backends if each.breaker is not None]
        self._rule = guarded[0] if len(guarded) == 1 else None
        profile = profile_of(lab)
        self._shed_statuses = frozenset(profile.shed_statuses)
        self._sure_sheds = self._shed_statuses if profile.sure_sheds is None else profile.sure_sheds
        self._failing = frozenset() if self._rule is None else FailureTest(self._rule, lab.local).failing
        self._sharpen_ns = max(int(sharpen_s * AIM * 1e9), 1)
        self._sharpen_s, self._budget = sharpen_s, budget
        self._admitted_ns = 0
        self._failures: list[tuple[int, float | None]] = []
        self._learned: tuple[int, int] | None = None
        self._period: _Period | None = None
        self._resets: list[SharpenedReset] = []
        self._requests = self._answered = 0
        self._refused: int | None = None
        self._ended_soon = False
        self._unexplained = 0
        self._marked = False

    @property
    def open(self) -> bool:
        """Whether the answers so far show the breaker open."""
        return self._period is not None

    def admitted(self, start_ns: int) -> None:
        """Note a success that started at `start_ns` while the breaker is closed: a faster `see` for most requests."""
        if start_ns > self._admitted_ns:
            self._admitted_ns = start_ns

    def see(self, seen: Seen) -> bool:
        """Take in an answer. Returns True when it is the first shed of an open period."""
        if seen.other_refusal:
            return False
        self._marked |= not seen.from_gateway
        if seen.from_gateway and self._is_shed(seen.status):
            return self._shed(seen)
        # If nothing marks the answers of backends, every answer but a shed counts as a backend's.
        if seen.from_gateway and self._marked and not 200 <= seen.status < 300:
            if seen.probe and 400 <= seen.status < 500:
                self._refused = seen.status  # by a limit of its own, so probing must stop
            return False
        self._answered += seen.probe
        self._close(seen)
        if seen.status in self._failing:
            arrival = seen.end_ns if seen.backend_us is None else seen.start_ns + seen.backend_us * 1000
            self._failures.append((min(arrival, seen.end_ns), seen.retry_after_s))
            del self._failures[:-1000]
        self._admitted_ns = max(self._admitted_ns, seen.start_ns)
        return False

    def _is_shed(self, status: int) -> bool:
        """Return whether the gateway's own answer is a shed. Without marks only some statuses are certain."""
        return status in self._sure_sheds or (self._marked and status in self._shed_statuses)

    def _shed(self, seen: Seen) -> bool:
        period = self._period
        if period is not None:
            period.last_shed_ns = max(period.last_shed_ns, seen.start_ns)
            return False
        if seen.start_ns < self._admitted_ns:
            return False  # sent before a request that was admitted: it belongs to the period before
        self._unexplained += self._is_unexplained()
        began = self._began(seen)
        self._period = _Period(began, self._expect(began), seen.start_ns)
        self._failures.clear()
        return True

    @property
    def _several(self) -> bool:
        """Whether the answers are those of several breakers, so that probes of one connection time no reset."""
        return self._unexplained >= MOST_UNEXPLAINED

    def _is_unexplained(self) -> bool:
        """Return whether the period that begins now followed on one that was too short, without the count of failures.

        Of several instances, each with a breaker of its own, open and closed ones answer by turns.
        """
        count = None if self._rule is None else self._rule.count
        return self._ended_soon and count is not None and len(self._failures) < count

    def _began(self, shed: Seen) -> tuple[int, int]:
        """Return the earliest and the latest instant of the trip: a failure's arrival since the last admission."""
        low = min(self._admitted_ns or shed.start_ns, shed.end_ns)
        arrivals = [at for at, _ in self._failures if low <= at <= shed.end_ns]
        return (min(arrivals), max(arrivals)) if arrivals else (low, shed.end_ns)

    def _expect(self, began: tuple[int, int]) -> tuple[int, int] | None:
        if self._learned is not None:
            return began[0] + self._learned[0], began[1] + self._learned[1]
        if self._rule is None:
            return None
        waits = [int(self._rule.trip_duration * 1e9)]
        if self._rule.accept_retry_after:
            waits = [int(wait_s * 1e9) for _, wait_s in self._failures if wait_s is not None] or waits
        return began[0] + min(waits), began[1] + max(waits)

    def _close(self, seen: Seen) -> None:
        period = self._period
        if period is None or seen.start_ns <= period.last_shed_ns:
            return  # a request that was under way when the breaker opened proves nothing about its state now
        rule_s = 0.0 if self._rule is None or self._rule.accept_retry_after else self._rule.trip_duration
        self._ended_soon = seen.start_ns - period.began[1] < rule_s * 1e9 * SOON
        if not self._ended_soon and not self._several:
            self._unexplained = 0
        outcome = self._judge(period, seen.start_ns)
        if outcome in ("early", "late"):
            self._learned = max(period.last_shed_ns - period.began[1], 0), seen.end_ns - period.began[0]
        self._end(outcome, "probe" if seen.probe else "traffic")

    def _judge(self, period: _Period, admitted_ns: int) -> str:
        if period.asked >= self._budget:
            return "budget spent"
        if period.expected is None:
            return "not expected"
        low, high = period.expected
        if admitted_ns < low - LEAD_NS:
            return "early"
        return "late" if period.last_shed_ns > high + LATE_NS else "as expected"

    def _end(self, outcome: str, admitted: str | None) -> None:
        period, self._period = self._period, None
        if period is None or len(self._resets) >= MOST_RESETS:
            return
        gaps = sorted(period.gaps_ns)
        self._resets.append(
            SharpenedReset(
                outcome=outcome,
                asked=period.asked,
                admitted=admitted,
                gap_ms=gaps[len(gaps) // 2] / 1e6 if gaps else None,
            )
        )

    def next_ask_ns(self, now_ns: int) -> int | None:
        """Return when to send the next probe, `now_ns` at the earliest, or None: not before another period opens."""
        period = self._period
        if period is None or self._refused is not None or self._several or period.asked >= self._budget:
            return None
        if period.expected is None:
            return max(self._growing(period, period.began[1]), now_ns)
        low, high = period.expected
        if period.last_ask_ns is None:
            # The grid is independent of the trip, so the reset is as likely at any instant between two probes. Then the
            # middle between them is right on average.
            gap_ns = self._gap_ns(period.expected)
            return max((low - LEAD_NS) // gap_ns * gap_ns, now_ns)
        due = period.last_ask_ns + self._gap_ns(period.expected)
        if due > high + LATE_NS:
            due = max(due, self._growing(period, high))
        return max(due, now_ns)

    def _gap_ns(self, expected: tuple[int, int]) -> int:
        """Return the gap between probes while the reset is expected.

        At most half of the budget is for that time; the other half is for a reset that comes late.
        """
        low, high = expected
        return max(self._sharpen_ns, 2 * (high - low + LEAD_NS) // self._budget)

    def _growing(self, period: _Period, since_ns: int) -> int:
        """Return the next instant of probes whose gaps grow with the time since `since_ns`."""
        if period.last_ask_ns is None:
            return since_ns + FIRST_GAP_NS
        passed_ns = max(period.last_ask_ns - since_ns, 0)
        return period.last_ask_ns + max(self._sharpen_ns, FIRST_GAP_NS // 10, int(passed_ns * GROWTH))

    def asking(self, now_ns: int) -> None:
        """Note that a probe is sent now."""
        period = self._period
        if period is None:
            return
        if period.last_ask_ns is not None:
            period.gaps_ns.append(now_ns - period.last_ask_ns)
        period.asked += 1
        self._requests += 1
        period.last_ask_ns = now_ns

    def account(self) -> Probing:
        """Return the run's account of dense probes for run.json. Ends a period that is still open."""
        if self._period is not None:
            self._end("budget spent" if self._period.asked >= self._budget else "run ended", None)
        return Probing(
            sharpen_s=self._sharpen_s,
            budget=self._budget,
            reason=self._reason(),
            requests=self._requests,
            answered=self._answered,
            resets=self._resets,
        )

    def _reason(self) -> str | None:
        if self._refused is not None:
            return f"the gateway refused a probe by a limit of its own ({self._refused}), so no more were sent"
        if self._several:
            return "open and closed breakers answer by turns, so the gateway seems to have several instances"
        gaps = sorted(reset.gap_ms for reset in self._resets if reset.gap_ms is not None)
        if not gaps or gaps[len(gaps) // 2] <= 2 * self._sharpen_s * 1000:
            return None
        return (
            f"probes were {gaps[len(gaps) // 2]:.1f} ms apart and not {self._sharpen_s * 1000:g} ms: "
            "answers took longer, or the expected time was too uncertain for the budget"
        )
