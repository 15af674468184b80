"""The policies rate-limit, rate-limit-by-key and limit-concurrency."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from provision.local.apim.context import PolicyContext
from provision.local.apim.policies.elements import ANYWHERE, Attribute, Child, Element
from provision.local.apim.policies.state import Gauge, TokenBucket
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step, execute, reads_of
from provision.local.apim.policies.values import Value, as_integer, as_text
from provision.local.apim.services import PolicyFault
from tripcurve.sliding import SlidingSum

__all__ = ["POLICIES", "Increment", "Limit", "applicable", "by_name", "entity", "is_v2"]

MAX_RENEWAL_S = 300
"""The longest renewal period of a rate limit, in seconds [PR-rate-limit]."""

NAMES = (
    *("retry-after-header-name", "retry-after-variable-name", "remaining-calls-header-name"),
    *("remaining-calls-variable-name", "total-calls-header-name"),
)
_NAMES = tuple(Attribute(name) for name in NAMES)


def _limits(name: str, least: int, most: int | None, *, required: bool) -> tuple[Attribute, ...]:
    return (
        Attribute("calls", "integer", required=required, least=1),
        Attribute(name, "integer", required=True, least=least, most=most),
    )


def by_name(name: str, attributes: tuple[Attribute, ...], children: tuple[Child, ...] = ()) -> Child:
    """Limits for single APIs and operations inside rate-limit and quota, which are found by name or id."""
    return Child(Element(name, (Attribute("name"), Attribute("id"), *attributes), children), 0, None)


_RATE = _limits("renewal-period", 1, MAX_RENEWAL_S, required=True)
RATE_LIMIT = Element("rate-limit", (*_RATE, *_NAMES), (by_name("api", _RATE, (by_name("operation", _RATE),)),))
RATE_BY_KEY = Element(
    "rate-limit-by-key",
    (
        Attribute("calls", "integer", required=True, expression=True, least=1),
        Attribute("renewal-period", "integer", required=True, expression=True, least=1, most=MAX_RENEWAL_S),
        Attribute("counter-key", required=True, expression=True),
        Attribute("increment-condition", "boolean", expression=True),
        Attribute("increment-count", "integer", expression=True, least=0),
        Attribute("increment-after-response", "boolean"),
        *_NAMES,
    ),
)
CONCURRENCY = Element(
    "limit-concurrency",
    (
        Attribute("key", required=True, expression=True),
        Attribute("max-count", "integer", required=True, least=1),
    ),
    steps=True,
)


def is_v2(sku: str) -> bool:
    """Return whether the tier is a v2 tier, which limits rates by token bucket."""
    return sku.lower().endswith("v2")


def entity(scope: str, context: PolicyContext) -> tuple[str, ...]:
    """Return the entity for which a limit of this scope counts."""
    if scope == "operation":
        return context.api.id, context.operation.id
    if scope == "product":
        return ("" if context.product is None else context.product.id,)
    return (context.api.id,) if scope == "api" else ()


@dataclass(frozen=True, slots=True)
class Rate:
    """The result for one call: how many more are allowed, or how long to wait."""

    left: int
    wait_s: float
    count: Callable[[int], None]


def _check_rate(run: Run, key: tuple[object, ...], calls: int, period_s: float, *, bucket: bool) -> Rate:
    """Check a rate's counter, a sliding window or a token bucket. `count` also counts the call."""
    now = run.services.now()
    if bucket:
        tokens = run.services.counters.get(TokenBucket, key, lambda: TokenBucket(calls, period_s, calls, now))
        tokens.capacity, tokens.period_s = calls, period_s
        left = tokens.available(now)
        return Rate(int(left), tokens.wait(now), lambda amount: tokens.take(now, amount))
    window = run.services.counters.get(SlidingSum, key, lambda: SlidingSum(period_s))
    window.period_s = period_s
    left = calls - window.total(now)
    return Rate(int(left), window.wait(now, lambda used: used < calls) or 0.0, lambda amount: window.add(now, amount))


class _Reports:
    """The headers and variables in which a rate limit reports its state."""

    def __init__(self, parsed: Parsed) -> None:
        self._names = {name: parsed.literal(name) for name in NAMES if parsed.literal(name)}
        self._retry_after = self._names.get("retry-after-header-name", "Retry-After")

    def tell(self, run: Run, left: int, calls: int) -> None:
        headers = [("remaining-calls-header-name", left), ("total-calls-header-name", calls)]
        texts = [(self._names[name], str(max(0, value))) for name, value in headers if name in self._names]
        variable = self._names.get("remaining-calls-variable-name")
        if variable is not None:
            run.context.variables[variable] = max(0, left)
        if texts:
            run.later(lambda: _set_headers(run, texts))

    def exceeded(self, run: Run, source: str, wait_s: float, calls: int) -> PolicyFault:
        seconds = max(1, math.ceil(wait_s))
        variable = self._names.get("retry-after-variable-name")
        if variable is not None:
            run.context.variables[variable] = seconds
        self.tell(run, 0, calls)
        message = f"Rate limit is exceeded. Try again in {seconds} seconds."
        return PolicyFault(source, "RateLimitExceeded", message, 429, headers=((self._retry_after, str(seconds)),))


def _set_headers(run: Run, texts: list[tuple[str, str]]) -> None:
    if run.context.response is not None:
        for name, text in texts:
            run.context.response.headers.replace(name, [text])


class Limit:
    """The limit for one API or operation inside rate-limit or quota, or the limit for all."""

    def __init__(self, parsed: Parsed, outer: Limit | None = None) -> None:
        self.id, self.name = parsed.literal("id"), parsed.literal("name")
        self.calls, self.bandwidth = parsed.number("calls"), parsed.number("bandwidth")
        period = parsed.number("renewal-period")
        self.period_s: float = period if period is not None else 0.0 if outer is None else outer.period_s
        self.inner = [Limit(child, self) for child in parsed.named("operation")]

    def applies(self, id: str, name: str) -> bool:
        return (self.id or self.name) in ((id,) if self.id else (name,))


def applicable(limits: list[Limit], context: PolicyContext) -> list[tuple[str, Limit]]:
    """Return the narrower limits that apply to this call, with the entities for which they count."""
    found: list[tuple[str, Limit]] = []
    for limit in limits:
        if limit.applies(context.api.id, context.api.name):
            found.append((f"api:{context.api.id}", limit))
            for inner in limit.inner:
                if inner.applies(context.operation.id, context.operation.name):
                    found.append((f"operation:{context.operation.id}", inner))
    return found


class RateLimit(Step):
    """Limits calls per subscription. A call without a subscription is not limited [PR-rate-limit]."""

    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        if parsed.place.scope == "global":
            raise parsed.node.error(f"The policy '{self.name}' is not allowed at global scope.")
        self._own, self._reports = Limit(parsed), _Reports(parsed)
        self._narrow = [Limit(child) for child in parsed.named("api")]

    def apply(self, run: Run) -> None:
        context = run.context
        if context.subscription is None:
            return
        base = (self.name, self.scope, *entity(self.scope, context), context.subscription.id)
        found = [("", self._own), *applicable(self._narrow, context)]
        rates = [self._rate(run, (*base, what), limit) for what, limit in found]
        waits = [(rate.wait_s, limit) for rate, (_, limit) in zip(rates, found, strict=True) if rate.wait_s > 0]
        if waits:
            wait_s, limit = max(waits, key=lambda item: item[0])
            raise self._reports.exceeded(run, self.name, wait_s, int(limit.calls or 0))
        for rate in rates:
            rate.count(1)
        self._reports.tell(run, min(rate.left for rate in rates) - 1, int(self._own.calls or 0))

    def _rate(self, run: Run, key: tuple[object, ...], limit: Limit) -> Rate:
        return _check_rate(run, key, int(limit.calls or 0), limit.period_s, bucket=False)


class Increment:
    """How much a call counts, and whether that is known before the call.

    An expression delays counting to the end of outbound [PR-rate-limit-by-key].
    """

    def __init__(self, parsed: Parsed) -> None:
        self._condition, self._count = parsed.value("increment-condition"), parsed.value("increment-count")
        self._later = parsed.flag("increment-after-response", False) or any(
            value is not None and not value.constant for value in (self._condition, self._count)
        )
        self.reads = reads_of((self._condition, self._count))

    def schedule(self, run: Run, count: Callable[[int], None]) -> None:
        if self._later:
            run.later(lambda: self._apply(run, count))
        else:
            self._apply(run, count)

    def _apply(self, run: Run, count: Callable[[int], None]) -> None:
        try:
            if self._condition is None or self._condition.get(run.context) is True:
                count(1 if self._count is None else as_integer(self._count.get(run.context)))
        except PolicyFault as fault:
            # The answer exists already. As on Azure, a counter does not revoke it.
            run.services.record("trace", {"source": fault.source, "severity": "error", "message": fault.message})


class RateLimitByKey(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._calls, self._period = parsed.required("calls"), parsed.required("renewal-period")
        self._key = parsed.required("counter-key")
        self._increment, self._reports = Increment(parsed), _Reports(parsed)
        super().__init__(parsed, self._calls, self._period, self._key)
        self.reads |= self._increment.reads

    def apply(self, run: Run) -> None:
        context = run.context
        calls, period_s = _positive(self._calls, context), _positive(self._period, context)
        key = (self.name, as_text(self._key.get(context)))
        rate = _check_rate(run, key, calls, period_s, bucket=is_v2(run.services.sku))
        if rate.wait_s > 0:
            raise self._reports.exceeded(run, self.name, rate.wait_s, calls)
        self._increment.schedule(run, rate.count)
        self._reports.tell(run, rate.left - 1, calls)


def _positive(value: Value, context: PolicyContext) -> int:
    number = value.get(context)
    if not isinstance(number, int) or number < 1:
        raise PolicyFault("", "ExpressionValueEvaluationFailure", "A whole number of 1 or more is needed.")
    return number


class LimitConcurrency(Step):
    """Limits the calls in progress inside it, per key. One more is refused at once [PR-limit-concurrency]."""

    waits = True

    def __init__(self, parsed: Parsed) -> None:
        self._key, self._steps = parsed.required("key"), parsed.steps
        self._most = parsed.number("max-count") or 1
        super().__init__(parsed, self._key)
        self.reads |= reads_of(self._steps)

    async def wait(self, run: Run) -> None:
        key = (self.name, self.scope, as_text(self._key.get(run.context)))
        gauge = run.services.counters.get(Gauge, key, Gauge)
        if gauge.count >= self._most:
            message = "Concurrency limit is exceeded."
            raise PolicyFault(self.name, "ConcurrencyLimitExceeded", message, 429)
        gauge.count += 1
        try:
            await execute(self._steps, run)
        finally:
            gauge.count -= 1


INBOUND = frozenset({"inbound"})
POLICIES = (
    Policy(RATE_LIMIT, INBOUND, "PR-rate-limit", RateLimit, once=True),
    Policy(RATE_BY_KEY, INBOUND, "PR-rate-limit-by-key", RateLimitByKey),
    Policy(CONCURRENCY, ANYWHERE, "PR-limit-concurrency", LimitConcurrency),
)
