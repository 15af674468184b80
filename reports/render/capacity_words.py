"""The sentences and table cells that the terminal, Markdown and HTML reports of a capacity share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from reports.render.words import number, share
from reports.statistics.capacity_report import Cost, Simulated, Subject
from reports.statistics.capacity_steps import StepFigures
from reports.statistics.estimates import Estimate

__all__ = [
    "SIMULATED_NOTE",
    "Cell",
    "Table",
    "beside_table",
    "cost_rows",
    "headline",
    "headroom_table",
    "label",
    "origin",
    "rounded",
    "sentences",
    "simulated_table",
    "step_table",
    "title",
]

SIMULATED_NOTE = (
    "Simulated in virtual time; no request was sent. The simulator knows the lab's rules, quotas and answer times, and "
    "not the speed of the gateway. So compare these rows with one another, not with the measured capacity."
)


@dataclass(frozen=True)
class Cell:
    """The text of a cell, and a small line beneath it such as an interval; None: there is none."""

    text: str
    beneath: str | None = None

    @property
    def line(self) -> str:
        return self.text if self.beneath is None else f"{self.text} ({self.beneath})"


@dataclass(frozen=True)
class Table:
    """A table of a report. Each row has a cell for each heading."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def title(subject: Subject) -> str:
    """Return the subject's name with its date, such as `pool, 2026-11-29 10:00 UTC`."""
    if subject.started is None:
        return subject.name
    return f"{subject.name}, {subject.started.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def label(subject: Subject) -> str:
    """Return `good` if the target's limit was found, `not-good` if nothing was carried, else `doubt`."""
    if subject.capacity.carried is None:
        return "not-good"
    return "good" if subject.limit_reached else "doubt"


def headline(subject: Subject) -> str:
    """Return the answer in one sentence."""
    carried = subject.capacity.carried
    if carried is None:
        return "Not even the lowest rate was carried"
    rate = f"{number(carried.offered_s, 1)} requests/s, {number(carried.tokens_per_minute, 0)} tokens/min"
    carried_in = "Carried in the simulator" if subject.target == "simulated" else "Carried"
    if subject.limit_reached:
        return f"{carried_in}: {rate}"
    if subject.capacity.failed is None:
        return f"{carried_in}: at least {rate}; no limit was reached"
    return f"{carried_in}: at least {rate}; the load generator could not send more"


def sentences(subject: Subject) -> list[str]:
    """Return the cause, how sure the answer is, and the knee."""
    failed = subject.capacity.failed
    at = "" if failed is None else f" Not carried: {number(failed.offered_s, 1)} requests/s ({failed.cause})."
    knee = subject.knee
    text = f"No knee of latency is named: {knee.reason}."
    if knee.rate_s is not None:
        between = f"between {number(knee.low, 1)} and {number(knee.high, 1)} requests/s"
        text = f"Knee of latency: {between}, about {number(knee.rate_s, 1)}; {knee.reason}."
    return [f"Limit: {subject.cause.text}{at}", f"How sure: {subject.capacity.confidence}.", text]


def origin(subject: Subject) -> str:
    """Return what was measured, and how."""
    n = len(subject.steps)
    if subject.source == "search":
        kind = f"a search of {n} {'rate' if n == 1 else 'rates'}, each a run of its own"
    elif subject.window_s is not None:
        what = "a production log" if subject.source == "log" else "a recorded run without steps of constant rate"
        kind = f"{what}, in windows of {subject.window_s:g} s grouped by their load; nobody set the load"
    else:
        kind = f"a recorded run of {n} {'step' if n == 1 else 'steps'}"
    place = "" if subject.target is None else f" on {_target(subject.target)}"
    return f"{kind}{place}; a rate is carried if at least {subject.success:.1%} of its requests succeeded"


def _target(target: str) -> str:
    return {"local": "the local cloud", "azure": "Azure", "simulated": "the simulator"}.get(target, target)


def rounded(estimate: Estimate | None, digits: int) -> Cell:
    """Return an estimate with its interval beneath; a dash for None."""
    if estimate is None:
        return Cell("–")
    return Cell(number(estimate.value, digits), _ends(estimate.low, estimate.high, digits))


def _ends(low: float | None, high: float | None, digits: int) -> str | None:
    """Return an interval as text; None if neither end is known."""
    if low is None and high is None:
        return None
    if high is None:
        return f"at least {number(low, digits)}"
    return f"at most {number(high, digits)}" if low is None else f"{number(low, digits)} to {number(high, digits)}"


def step_table(subject: Subject) -> Table:
    """Return the table of steps, with an interval beneath each estimate."""
    headings = ("offered/s", "requests", "held, s", "served/s", "tokens/min", "p50, ms", "p99, ms")
    more = ("429/s", "sheds/s", "2xx", "sent late, ms", "carried")
    return Table((*headings, *more), tuple(_step_row(step) for step in subject.steps))


def _step_row(step: StepFigures) -> tuple[Cell, ...]:
    plain = step.step
    ok = step.ok_share
    return (
        rounded(step.offered_s, 1),
        Cell(number(plain.n, 0)),
        Cell(number(plain.seconds, 0)),
        rounded(step.served_s, 1),
        rounded(step.tokens_per_minute, 0),
        rounded(step.p50_ms, 1),
        rounded(step.p99_ms, 1),
        Cell(number(plain.throttled_s, 1)),
        Cell(number(plain.shed_s, 1)),
        Cell(share(ok.value), None if ok.low is None else f"at least {share(ok.low)}"),
        Cell(number(step.late_p99_ms, 1), "fell behind" if step.late else None),
        Cell("✓ yes" if plain.cause is None else "✗ no"),
    )


def headroom_table(subject: Subject) -> Table:
    """Return how much of each known quota the carried load uses; no rows if none is known."""
    rows = [
        (
            Cell(quota.quota),
            Cell(number(quota.limit, 0)),
            Cell(number(quota.used, 0)),
            Cell(f"{quota.left_share:.0%}", "over the quota" if quota.left_share < 0 else None),
        )
        for quota in subject.capacity.headroom
    ]
    return Table(("quota", "limit", "used by the carried load", "left"), tuple(rows))


def simulated_table(simulated: Sequence[Simulated]) -> Table:
    """Return the simulated capacities. The first row is the lab as it is, with which the others are compared."""
    base = simulated[0].carried_s if simulated else None
    rows = []
    for one in simulated:
        ratio = None if not base or one.carried_s is None else one.carried_s / base
        rows.append(
            (
                Cell(one.change or "the lab as it is"),
                Cell(number(one.carried_s, 1)),
                Cell(number(one.failed_s, 1)),
                Cell(number(one.tokens_per_minute, 0)),
                Cell("–" if ratio is None or one.change is None else f"× {ratio:.2f}"),
                Cell(one.cause.text),
            )
        )
    return Table(("change", "carried/s", "not carried/s", "tokens/min", "to the lab as it is", "limit"), tuple(rows))


def cost_rows(cost: Cost | None) -> Table:
    """Return the cost of the carried load; no rows if it is not known."""
    if cost is None:
        return Table((), ())
    amounts = (
        ("per million tokens", cost.per_million_tokens),
        ("per 1,000 requests", cost.per_1000_requests),
        ("per hour at the carried rate", cost.per_hour),
    )
    rows = [(Cell(name), Cell(_amount(amount, cost))) for name, amount in amounts]
    return Table(("cost of the carried load", "amount"), tuple(rows))


def _amount(amount: float, cost: Cost) -> str:
    return f"{number(amount, 2 if amount >= 1 else 4)} {cost.currency}"


def beside_table(subjects: Sequence[Subject]) -> Table:
    """Return one row for each subject, to compare labs or dates."""
    headings = ("what", "carried/s", "not carried/s", "tokens/min", "limit", "knee, requests/s", "least left")
    priced = any(subject.cost is not None for subject in subjects)
    rows = []
    for subject in subjects:
        carried, failed, knee = subject.capacity.carried, subject.capacity.failed, subject.knee
        left = min((quota.left_share for quota in subject.capacity.headroom), default=None)
        ends = _ends(subject.capacity.low_s, subject.capacity.high_s, 1)
        row = [
            Cell(title(subject), subject.path),
            Cell("–" if carried is None else number(carried.offered_s, 1), ends and f"95 %: {ends}"),
            Cell("–" if failed is None else number(failed.offered_s, 1)),
            Cell("–" if carried is None else number(carried.tokens_per_minute, 0)),
            Cell(subject.cause.kind),
            Cell("–" if knee.rate_s is None else f"{number(knee.low, 0)} to {number(knee.high, 0)}"),
            Cell("–" if left is None else f"{left:.0%}"),
        ]
        if priced:
            cost = subject.cost
            row.append(Cell("–" if cost is None else _amount(cost.per_million_tokens, cost)))
        rows.append(tuple(row))
    return Table((*headings, "per million tokens") if priced else headings, tuple(rows))
