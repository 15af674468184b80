"""The policies llm-token-limit and azure-openai-token-limit: tokens per minute and per period, by key."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from provision.local.apim.policies.elements import Attribute, Element
from provision.local.apim.policies.quotas import period_text
from provision.local.apim.policies.state import PeriodCounter
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step
from provision.local.apim.policies.usage import Usage, estimate_prompt, watch_usage
from provision.local.apim.policies.values import Value, as_text
from provision.local.apim.services import PolicyFault
from tripcurve.sliding import SlidingSum

__all__ = ["POLICIES", "period_end"]

WINDOW_S = 60.0
PERIODS = ("Hourly", "Daily", "Weekly", "Monthly", "Yearly")
_REPORTED = ("retry-after", "remaining-quota-tokens", "remaining-tokens", "tokens-consumed")


def _element(name: str) -> Element:
    return Element(
        name,
        (
            Attribute("counter-key", required=True, expression=True),
            Attribute("estimate-prompt-tokens", "boolean", required=True, expression=True),
            Attribute("tokens-per-minute", "integer", expression=True, least=1),
            Attribute("token-quota", "integer", expression=True, least=1),
            Attribute("token-quota-period", expression=True, choices=PERIODS),
            *(Attribute(f"{what}-{kind}-name") for what in _REPORTED for kind in ("header", "variable")),
        ),
    )


def period_end(now: datetime, period: str) -> datetime:
    """Return the end of the calendar period that `now` is in, in UTC ([PR-llm-token-limit]: fixed, truncated)."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "Hourly":
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if period == "Daily":
        return day + timedelta(days=1)
    if period == "Weekly":
        return day + timedelta(days=7 - day.weekday())
    if period == "Monthly":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day.replace(year=day.year + 1, month=1, day=1)


class TokenLimit(Step):
    """Counts a call's tokens once its answer is complete. With an estimate, the prompt's are counted beforehand."""

    def __init__(self, parsed: Parsed) -> None:
        self._key, self._estimate = parsed.required("counter-key"), parsed.required("estimate-prompt-tokens")
        self._minute, self._quota = parsed.value("tokens-per-minute"), parsed.value("token-quota")
        self._period = parsed.value("token-quota-period")
        self._names = {
            (what, kind): parsed.literal(f"{what}-{kind}-name")
            for what in _REPORTED
            for kind in ("header", "variable")
            if parsed.literal(f"{what}-{kind}-name")
        }
        super().__init__(parsed, self._key, self._estimate, self._minute, self._quota, self._period)
        self.reads |= {"request.body"}
        _check(parsed)

    def apply(self, run: Run) -> None:
        context, now = run.context, run.services.now()
        key = as_text(self._key.get(context))
        window = run.services.counters.get(SlidingSum, ("tokens", key), lambda: SlidingSum(WINDOW_S))
        period = "" if self._period is None else _period(self._period, run)
        quota = run.services.counters.get(PeriodCounter, ("token-quota", key, period), PeriodCounter)
        if period:
            wall = run.services.utcnow()
            quota.current(now, now + (period_end(wall, period) - wall).total_seconds())
        estimating = self._estimate.get(context) is True
        prompt = estimate_prompt(context.request.body.data) if estimating else 0
        self._check_minute(run, window, prompt)
        self._check_quota(run, quota, prompt)
        self._tell(run, self._left(run, window, quota, prompt))
        self._count(run, window, quota)

    def _check_minute(self, run: Run, window: SlidingSum, prompt: int) -> None:
        if self._minute is None:
            return
        limit, now = _positive(self._minute, run), run.services.now()
        if window.total(now) + max(prompt, 1) > limit:
            room = max(0, limit - max(prompt, 1))
            seconds = max(1, math.ceil(window.wait(now, lambda used: used <= room) or 0.0))
            raise self._exceeded(run, seconds, 429, f"Token limit is exceeded. Try again in {seconds} seconds.")

    def _check_quota(self, run: Run, quota: PeriodCounter, prompt: int) -> None:
        if self._quota is not None and quota.total + max(prompt, 1) > _positive(self._quota, run):
            wait_s = quota.ends - run.services.now()
            message = f"Token quota is exceeded. Quota will be replenished in {period_text(wait_s)}."
            raise self._exceeded(run, max(1, math.ceil(wait_s)), 403, message)

    def _exceeded(self, run: Run, seconds: int, status: int, message: str) -> PolicyFault:
        variable = self._names.get(("retry-after", "variable"))
        if variable is not None:
            run.context.variables[variable] = seconds
        header = self._names.get(("retry-after", "header"), "Retry-After")
        return PolicyFault("", "TokenLimitExceeded", message, status, headers=((header, str(seconds)),))

    def _left(self, run: Run, window: SlidingSum, quota: PeriodCounter, prompt: int) -> dict[str, int]:
        left: dict[str, int] = {}
        if self._minute is not None:
            used = window.total(run.services.now()) + prompt
            left["remaining-tokens"] = max(0, _positive(self._minute, run) - int(used))
        if self._quota is not None:
            left["remaining-quota-tokens"] = max(0, _positive(self._quota, run) - int(quota.total) - prompt)
        return left

    def _tell(self, run: Run, values: dict[str, int]) -> None:
        for (what, kind), name in self._names.items():
            if what in values and kind == "variable":
                run.context.variables[name] = values[what]
            elif what in values and run.context.response is not None:
                run.context.response.headers.replace(name, [str(values[what])])

    def _count(self, run: Run, window: SlidingSum, quota: PeriodCounter) -> None:
        services = run.services
        consumed: dict[str, int] = {}

        def done(usage: Usage) -> None:
            window.add(services.now(), usage.total)
            quota.total += usage.total
            consumed["tokens-consumed"] = usage.total
            tell()

        def tell() -> None:
            self._tell(run, {**self._left(run, window, quota, 0), **consumed})

        watch_usage(run, done)
        run.later(tell)


def _check(parsed: Parsed) -> None:
    if parsed.value("tokens-per-minute") is None and parsed.value("token-quota") is None:
        raise parsed.node.error("At least one of 'tokens-per-minute' and 'token-quota' must be specified.")
    if (parsed.value("token-quota") is None) != (parsed.value("token-quota-period") is None):
        raise parsed.node.error("'token-quota' and 'token-quota-period' must be specified together.")


def _period(value: Value, run: Run) -> str:
    period = as_text(value.get(run.context))
    if period not in PERIODS:
        raise PolicyFault("", "ExpressionValueEvaluationFailure", f"'{period}' is none of {', '.join(PERIODS)}.")
    return period


def _positive(value: Value, run: Run) -> int:
    number = value.get(run.context)
    if not isinstance(number, int) or number < 1:
        raise PolicyFault("", "ExpressionValueEvaluationFailure", "A whole number of 1 or more is needed.")
    return number


INBOUND = frozenset({"inbound"})
POLICIES = tuple(
    Policy(_element(name), INBOUND, "PR-llm-token-limit", TokenLimit)
    for name in ("llm-token-limit", "azure-openai-token-limit")
)
