"""Makes the small tables that several kinds of report print: latency, phases, pacing and data quality."""

from __future__ import annotations

from dataclasses import dataclass

from reports.render.words import count, instances_in_words, number
from tripcurve.run.info import Counts, WorkerInfo
from tripcurve.run.stimulus import GapTest, Lateness, PhaseStimulus, Rate
from tripcurve.run.summary import FewQuantiles, Quantiles, Summary

__all__ = ["LatencyRow", "latency_rows", "phase_table", "quality_rows", "retry_table", "stimulus_table"]


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """A row of the latency table. `origin`: backend, gateway or stream. `since`: where the latency begins."""

    origin: str
    since: str
    figures: Quantiles


def latency_rows(summary: Summary) -> list[LatencyRow]:
    """Return two rows each for the backends' and the gateway's answers, and rows for the tokens of streamed answers.

    The first of the two counts from the intended start, so it includes the delay of a late start.
    """
    intended, wire = summary.latency_intended_ms, summary.latency_ms
    rows = [
        LatencyRow("backend", "intended start", intended.backend),
        LatencyRow("backend", "sending (uncorrected)", wire.backend),
        LatencyRow("gateway", "intended start", intended.gateway),
        LatencyRow("gateway", "sending (uncorrected)", wire.gateway),
    ]
    if summary.first_token_ms.n:
        rows.append(LatencyRow("stream", "sending, to the first token", summary.first_token_ms))
    if summary.token_gap_ms.n:
        rows.append(LatencyRow("stream", "one token to the next", _few(summary.token_gap_ms)))
    return rows


def _few(known: FewQuantiles) -> Quantiles:
    return Quantiles(n=known.n, p50=known.p50, p90=None, p95=None, p99=known.p99, p999=None, max=None)


PHASE_COLUMNS = ("phase", "requests", "requests/s", "ok", "throttled", "shed", "no response", "other")
RETRY_COLUMNS = ("phase", "calls", "attempts", "attempts per call")


def phase_table(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows of the per-phase table; both are empty if there was no request.

    Requests that clients canceled have a column if there were any.
    """
    canceled = any(phase.canceled for phase in summary.phases)
    rows = [
        [
            phase.phase,
            count(phase.requests),
            number(phase.rate_s, 2),
            *map(count, (phase.ok, phase.throttled, phase.shed, phase.no_response, phase.other)),
            *([count(phase.canceled)] if canceled else []),
        ]
        for phase in summary.phases
    ]
    return [*PHASE_COLUMNS, *(["canceled"] if canceled else [])] if rows else [], rows


def retry_table(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows of the table of attempts per call; both are empty if no client could retry."""
    retries = summary.retries
    if retries is None:
        return [], []
    named = [(one.phase, one) for one in retries.phases] + ([("all", retries)] if len(retries.phases) > 1 else [])
    rows = [[name, count(c.calls), count(c.attempts), number(c.attempts_per_call, 2)] for name, c in named]
    return list(RETRY_COLUMNS), rows


STIMULUS_COLUMNS = (
    *("phase", "as configured", "arrivals", "configured, /s", "offered, /s", "sent, /s", "interval, /s", "gaps"),
    *("late, ms: p50, p99, max", "dropped", "missed"),
)


def stimulus_table(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows of the table of sent against configured load; both are empty if there is none.

    The interval contains the configured rates that fit the number of arrivals sent. A last column says why
    phases are not as configured or not judged, if there are any.
    """
    phases = () if summary.stimulus is None else summary.stimulus.phases
    if not any(phase.reason for phase in phases):
        return list(STIMULUS_COLUMNS) if phases else [], [_stimulus_row(phase) for phase in phases]
    return [*STIMULUS_COLUMNS, "why not"], [[*_stimulus_row(phase), phase.reason or ""] for phase in phases]


def _stimulus_row(phase: PhaseStimulus) -> list[str]:
    sent, verdicts = phase.sent, {True: "✓ yes", False: "✗ no", None: "–"}
    return [
        phase.phase,
        verdicts[phase.as_configured],
        phase.arrivals or "closed loop",
        number(phase.configured_s, 2),
        _per_second(phase.offered),
        _per_second(sent),
        "–" if sent is None else f"{number(sent.low, 2)} to {number(sent.high, 2)}",
        _gaps(phase.gaps),
        _late(phase.late_ms),
        count(phase.dropped),
        count(phase.missed),
    ]


def _per_second(rate: Rate | None) -> str:
    return number(None if rate is None else rate.per_s, 2)


def _gaps(gaps: GapTest | None) -> str:
    """Return the result of the test of gaps: a p-value, or how much evenly spaced gaps vary."""
    if gaps is None:
        return "–"
    return f"vary by {gaps.statistic:.1%}" if gaps.p_value is None else f"p = {gaps.p_value:.2g}"


def _late(late: Lateness) -> str:
    return ", ".join(number(value, 2) for value in (late.p50, late.p99, late.max)) if late.n else "–"


def quality_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return rows about the quality of the data: late, dropped and lost requests, and clock offsets."""
    pacing, counts = summary.pacing, Counts.model_validate(summary.counts)
    rows = [
        ("arrivals intended", count(pacing.intended)),
        ("sent", count(pacing.sent)),
        ("late start, p99", "–" if pacing.late_p99_ms is None else f"{number(pacing.late_p99_ms, 2)} ms"),
        ("dropped because no user was free", count(pacing.dropped)),
        ("attempts recorded", count(summary.requests.total)),
        ("requests counted by the gateway", count(None if counts.gateway is None else counts.gateway.requests)),
    ]
    if counts.unrecorded is not None:
        rows.append(("attempts not recorded", count(counts.unrecorded)))
    rows.append(("attempts without a response", count(summary.requests.by_origin["client"])))
    if summary.instances is not None:
        rows.append(("instances of the gateway", instances_in_words(summary.instances)))
    return [*rows, *_clocks(summary)]


def _clocks(summary: Summary) -> list[tuple[str, str]]:
    """Return a row about the clock of each worker that runs on another machine than the main process."""
    rows = []
    for worker in map(WorkerInfo.model_validate, summary.workers):
        clock = worker.clock
        if clock is not None and not clock.shared and "half_width_ns" in clock.model_fields_set:
            name = "?" if worker.worker is None else worker.worker
            rows.append((f"clock of worker {name}", f"corrected; known to ±{clock.half_width_ns / 1e6:.3f} ms"))
    return rows
