"""Finds what limited the load: a quota, the breaker, the gateway, a backend, or the load generator itself.

The cause is that of the lowest rate that was not carried. A cause comes before its effects: a generator that fell
behind explains nothing about the gateway, and 429s of a quota open the breaker, which then refuses many more requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from reports.statistics.capacity import quotas_of
from reports.statistics.capacity_steps import LATE_MS, LEAST_DELIVERED, StepFigures
from tripcurve.lab import Lab

__all__ = ["Cause", "CauseKind", "find_cause"]

REACHED = 0.95
"""A quota counts as reached from this share of it on: it is counted in windows shorter than a minute too."""
SLOWER = 3.0
"""Answers this many times as slow as at the lowest rate keep so many users busy that arrivals find none free."""

CauseKind = Literal[
    "requests quota",
    "tokens quota",
    "quota",
    "breaker",
    "gateway",
    "backend",
    "load generator",
    "latency",
    "other",
    "none reached",
]


class Cause(BaseModel):
    """What limited the load, as a sentence, and the figures that show it, each a sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: CauseKind
    text: str
    evidence: tuple[str, ...] = ()


def find_cause(steps: Sequence[StepFigures], lab: Lab | None) -> Cause:
    """Return the cause that the steps show, at least one, in any order. `lab` None: quotas and rules are not known."""
    ordered = sorted(steps, key=lambda step: step.rate)
    failed = next((step for step in ordered if step.step.cause is not None), None)
    if failed is None:
        return _none_reached(ordered[-1])
    found = _Failed(failed, ordered[0], lab)
    for cause in (found.generator(), found.quota(), found.breaker(), found.slow(), found.failures()):
        if cause is not None:
            return cause
    return Cause(kind="other", text=f"The rate was not carried: {failed.step.cause}.")


def _none_reached(highest: StepFigures) -> Cause:
    evidence = [f"The highest rate, {highest.rate:,.1f} requests/s, was carried."]
    if highest.late:
        evidence.append("The load generator fell behind there, so more than this may not have been offered.")
    return Cause(kind="none reached", text="None was reached.", evidence=tuple(evidence))


@dataclass(frozen=True)
class _Failed:
    """The lowest step that was not carried, the lowest step of all, and the lab."""

    figures: StepFigures
    lowest: StepFigures
    lab: Lab | None

    def generator(self) -> Cause | None:
        """Return the cause if load was not sent although answers were neither slow nor failures."""
        figures = self.figures
        unsent = figures.delivered_share is not None and figures.delivered_share < LEAST_DELIVERED
        no_user = "no free user" in (figures.step.cause or "")
        p50, late_ms = figures.p50_ms, figures.late_p99_ms
        slow = self._slowdown() >= SLOWER and (p50 is None or late_ms is None or late_ms < p50.value / 2)
        healthy = figures.step.ok_share >= LEAST_DELIVERED and not slow
        if not healthy or not (unsent or no_user):
            return None
        evidence = []
        if figures.delivered_share is not None:
            evidence.append(f"{figures.delivered_share:.1%} of the arrivals at {self._rate} were sent.")
        if figures.late_p99_ms is not None:
            evidence.append(
                f"1 % of the requests were sent at least {figures.late_p99_ms:,.0f} ms late; {LATE_MS:g} ms is fine."
            )
        if no_user:
            evidence.append(f"{(figures.step.cause or '').capitalize()}.")
        text = "The load generator itself could not send this rate, so it says nothing of the gateway."
        return Cause(kind="load generator", text=text, evidence=tuple(evidence))

    def quota(self) -> Cause | None:
        """Return the cause if backends answered 429 because a quota was used up."""
        step = self.figures.step
        opened = bool(step.trips or step.shed_s)
        if not step.throttled_s or not (opened or step.throttled_s > (step.offered_s - step.served_s) / 2):
            return None
        uses = self._uses()
        reached = [use for use in uses if use.share >= REACHED]
        if not reached and uses and opened:
            return None  # a few 429s below every quota opened the breaker
        evidence = [f"Backends answered {step.throttled_s:,.1f} requests/s with 429 at {self._rate}."]
        evidence += [use.sentence for use in uses]
        if opened:
            evidence.append(f"The breaker {self._opened()}.")
        if not reached:
            text = "The backends throttled (429) by a quota that is not known."
            if uses:
                text = "The backends throttled (429), although the load was below each quota over the whole step."
            return Cause(kind="quota", text=text, evidence=tuple(evidence))
        most = max(reached, key=lambda use: use.share)
        text = f"The backends' quota of {most.limit:,.0f} {most.unit}."
        return Cause(kind=most.kind, text=text, evidence=tuple(evidence))

    def breaker(self) -> Cause | None:
        """Return the cause if the breaker opened, or the gateway refused requests as an open breaker does."""
        step = self.figures.step
        if not step.trips and not step.shed_s:
            return None
        evidence = [f"At {self._rate} the breaker {self._opened()}.", f"Answers by status: {self._answers()}."]
        for backend in self.lab.backends if self.lab is not None else ():
            rule = backend.breaker
            if rule is not None and rule.count is not None:
                evidence.append(f"{backend.name} is taken out at {rule.count} failures within {rule.interval:g} s.")
        text = "The breaker: it opened at failures that no known quota explains."
        return Cause(kind="breaker", text=text, evidence=tuple(evidence))

    def slow(self) -> Cause | None:
        """Return the cause if answers became slow: the gateway's side or the backend's."""
        cause = self.figures.step.cause or ""
        if "latency" not in cause and "no free user" not in cause:
            return None
        now, before = self.figures, self.lowest
        if now.p50_ms is None or before.p50_ms is None or now is before:
            return Cause(kind="latency", text=f"Answers were too slow: {cause}.")
        evidence = [
            f"The median latency was {before.p50_ms.value:,.1f} ms at {before.rate:,.1f} requests/s and "
            f"{now.p50_ms.value:,.1f} ms at {self._rate}."
        ]
        if now.outside_p50_ms is None or before.outside_p50_ms is None:
            return Cause(kind="latency", text=f"Answers became slow: {cause}.", evidence=tuple(evidence))
        outside = now.outside_p50_ms - before.outside_p50_ms
        whole = now.p50_ms.value - before.p50_ms.value
        evidence.append(
            f"The part outside the backend rose by {outside:,.1f} ms, the whole by {whole:,.1f} ms (medians)."
        )
        if outside > whole / 2:
            text = f"The gateway's side became slow, with the network and the client: {cause}."
            return Cause(kind="gateway", text=text, evidence=tuple(evidence))
        return Cause(kind="backend", text=f"The backends became slow: {cause}.", evidence=tuple(evidence))

    def failures(self) -> Cause | None:
        """Return the cause if requests failed in another way than by a quota or the breaker."""
        step = self.figures.step
        if not step.failed_s or "check failed" in (step.cause or ""):
            return None
        evidence = (
            f"{step.failed_s:,.1f} requests/s failed at {self._rate}.",
            f"Answers by status: {self._answers()}.",
        )
        gateways = sum(self.figures.answers.get(status, 0) for status in ("502", "504"))
        failed = step.failed_s * step.seconds
        if gateways > failed / 2:
            return Cause(
                kind="gateway",
                text="The gateway: it got no proper answer from its backends (502, 504).",
                evidence=evidence,
            )
        return Cause(kind="backend", text="Failures that neither a quota nor the breaker explains.", evidence=evidence)

    @property
    def _rate(self) -> str:
        return f"{self.figures.rate:,.1f} requests/s"

    def _slowdown(self) -> float:
        now, before = self.figures.p50_ms, self.lowest.p50_ms
        if now is None or before is None or before.value <= 0 or self.figures is self.lowest:
            return 1.0
        return now.value / before.value

    def _opened(self) -> str:
        step = self.figures.step
        times = f"opened {step.trips} time{'' if step.trips == 1 else 's'}" if step.trips else "was open"
        return f"{times} and refused {step.shed_s:,.1f} requests/s"

    def _answers(self) -> str:
        return ", ".join(
            f"{n:,} × {'no response' if status == '0' else status}" for status, n in self.figures.answers.items()
        )

    def _uses(self) -> list[_Use]:
        """Return how much of each known quota the offered load would use."""
        if self.lab is None:
            return []
        (rpm, tpm), step = quotas_of(self.lab), self.figures.step
        uses = []
        if rpm is not None:
            uses.append(_Use("requests quota", "requests per minute", rpm, step.offered_s * 60))
        if tpm is not None and step.served_s:
            each = (self.figures.tokens_in_s + self.figures.tokens_out_s) / step.served_s
            uses.append(_Use("tokens quota", "tokens per minute", tpm, each * step.offered_s * 60))
        return uses


@dataclass(frozen=True)
class _Use:
    """A quota per minute, and how much of it the offered load would use."""

    kind: Literal["requests quota", "tokens quota"]
    unit: str
    limit: float
    offered: float

    @property
    def share(self) -> float:
        return self.offered / self.limit

    @property
    def sentence(self) -> str:
        return f"The offered load: {self.offered:,.0f} {self.unit}, {self.share:.0%} of the quota of {self.limit:,.0f}."
