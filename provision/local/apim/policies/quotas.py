"""The policies quota and quota-by-key: calls and kilobytes per fixed period."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from provision.local.apim.policies.elements import Attribute, Element
from provision.local.apim.policies.limits import Increment, Limit, applicable, by_name, entity
from provision.local.apim.policies.state import PeriodCounter
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step
from provision.local.apim.policies.values import as_text
from provision.local.apim.services import PolicyFault

__all__ = ["POLICIES", "period_text"]

MIN_QUOTA_RENEWAL_S = 300

_QUOTA = (
    Attribute("calls", "integer", least=1),
    Attribute("bandwidth", "integer", least=1),
)
_RENEWAL = Attribute("renewal-period", "integer", least=0)
_QUOTA_WHOLE = (*_QUOTA, Attribute("renewal-period", "integer", required=True, least=0))
_QUOTA_PART = (*_QUOTA, _RENEWAL)
QUOTA = Element("quota", _QUOTA_WHOLE, (by_name("api", _QUOTA_PART, (by_name("operation", _QUOTA_PART),)),))
QUOTA_BY_KEY = Element(
    "quota-by-key",
    (
        *_QUOTA_WHOLE,
        Attribute("counter-key", required=True, expression=True),
        Attribute("increment-condition", "boolean", expression=True),
        Attribute("increment-count", "integer", expression=True, least=0),
        Attribute("first-period-start"),
    ),
)


def period_text(seconds: float) -> str:
    """Return a wait as quota messages print it: hh:mm:ss, with days in front if there are any."""
    whole = max(0, math.ceil(seconds))
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}.{clock}" if days else clock


class _Quota:
    """Calls and kilobytes per fixed period. A period of 0 never ends."""

    def __init__(self, source: str, key: tuple[object, ...], limit: Limit, start: datetime | None) -> None:
        self._source, self._key, self._limit, self._start = source, key, limit, start

    def check(self, run: Run) -> Callable[[int], None]:
        """Raise PolicyFault if the quota is used up. Returns the counter of calls."""
        now, limit = run.services.now(), self._limit
        ends = now + self._left(run.services.utcnow())
        calls = run.services.counters.get(PeriodCounter, ("calls", *self._key), PeriodCounter)
        traffic = run.services.counters.get(PeriodCounter, ("bandwidth", *self._key), PeriodCounter)
        if limit.calls is not None and calls.current(now, ends) >= limit.calls:
            raise self._exceeded("call volume", calls.ends - now)
        if limit.bandwidth is not None and traffic.current(now, ends) >= limit.bandwidth * 1024:
            raise self._exceeded("bandwidth", traffic.ends - now)
        if limit.bandwidth is not None:
            run.later(lambda: _count_traffic(run, traffic))
        return lambda amount: _add(calls, amount)

    def _left(self, now: datetime) -> float:
        """Return the seconds to the end of the period that `now` is in."""
        if not self._limit.period_s:
            return math.inf
        start = datetime(1, 1, 1, tzinfo=UTC) if self._start is None else self._start  # [PR-quota-by-key]
        return self._limit.period_s - (now - start).total_seconds() % self._limit.period_s

    def _exceeded(self, what: str, wait_s: float) -> PolicyFault:
        message = f"Out of {what} quota."
        if math.isfinite(wait_s):
            message += f" Quota will be replenished in {period_text(wait_s)}."
        headers = (("Retry-After", str(max(1, math.ceil(wait_s)))),) if math.isfinite(wait_s) else ()
        return PolicyFault(self._source, "QuotaExceeded", message, 403, headers=headers)


def _add(counter: PeriodCounter, amount: int) -> None:
    counter.total += amount


def _count_traffic(run: Run, counter: PeriodCounter) -> None:
    """Return the bytes of the bodies that are complete. One that is still streaming counts by its Content-Length."""
    for message in (run.context.request, run.context.response):
        if message is not None:
            length = message.headers.get("Content-Length") or "0"
            size = len(message.body.data) if message.body.data is not None else int(length) if length.isdigit() else 0
            counter.total += size


class Quota(Step):
    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        _check_quota(parsed)
        if parsed.place.scope not in ("product", "fragment"):
            raise parsed.node.error("The policy 'quota' is allowed at product scope only.")
        self._own = Limit(parsed)
        self._narrow = [Limit(child, self._own) for child in parsed.named("api")]

    def apply(self, run: Run) -> None:
        context = run.context
        if context.subscription is None:
            return
        base = (self.name, *entity(self.scope, context), context.subscription.id)
        limits = [("", self._own), *applicable(self._narrow, context)]
        counts = [_Quota(self.name, (*base, what), limit, None).check(run) for what, limit in limits]
        for count in counts:
            count(1)


class QuotaByKey(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._key, self._increment = parsed.required("counter-key"), Increment(parsed)
        super().__init__(parsed, self._key)
        self.reads |= self._increment.reads
        _check_quota(parsed)
        self._limit, self._start = Limit(parsed), _start_of(parsed)

    def apply(self, run: Run) -> None:
        key = (self.name, as_text(self._key.get(run.context)))
        self._increment.schedule(run, _Quota(self.name, key, self._limit, self._start).check(run))


def _check_quota(parsed: Parsed) -> None:
    if parsed.value("calls") is None and parsed.value("bandwidth") is None:
        raise parsed.node.error("At least one of 'calls' and 'bandwidth' must be specified.")
    period = parsed.number("renewal-period") or 0
    if 0 < period < MIN_QUOTA_RENEWAL_S:
        raise parsed.node.error(f"The 'renewal-period' attribute must be 0 or at least {MIN_QUOTA_RENEWAL_S} seconds.")


def _start_of(parsed: Parsed) -> datetime | None:
    text = parsed.literal("first-period-start")
    if not text:
        return None
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        raise parsed.node.error("The 'first-period-start' attribute must be a date, yyyy-MM-ddTHH:mm:ssZ.") from error
    return start if start.tzinfo is not None else start.replace(tzinfo=UTC)


INBOUND = frozenset({"inbound"})
POLICIES = (
    Policy(QUOTA, INBOUND, "D-ERR, PR-quota", Quota, once=True),
    Policy(QUOTA_BY_KEY, INBOUND, "D-ERR, PR-quota-by-key", QuotaByKey),
)
