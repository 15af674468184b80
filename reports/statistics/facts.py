"""Small tables of a summary that several kinds of report print: latency, phases, pacing and data quality."""

from __future__ import annotations

from typing import Any

from reports.render.words import count, number

__all__ = ["latency_rows", "phase_table", "quality_rows"]


def latency_rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Return rows by side that answered: `origin`, `since` (what latency counts from), `figures` (n and quantiles).

    The row from the intended start comes first, if known: it includes the wait that a late start hides. If answers were
    streamed, rows for their tokens follow.
    """
    rows = []
    intended = summary.get("latency_intended_ms") or {}
    for origin in ("backend", "gateway"):
        if origin in intended:
            rows.append({"origin": origin, "since": "intended start", "figures": intended[origin]})
        rows.append({"origin": origin, "since": "sending (uncorrected)", "figures": summary["latency_ms"][origin]})
    for name, since in _TOKENS.items():
        figures = summary.get(name) or {}
        if figures.get("n"):
            unknown = dict.fromkeys(summary["latency_ms"]["backend"])
            rows.append({"origin": "stream", "since": since, "figures": unknown | figures})
    return rows


_TOKENS = {"first_token_ms": "sending, to the first token", "token_gap_ms": "one token, to the next"}


def phase_table(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows of the per-phase table: each phase's values other than lists and dictionaries."""
    phases = [phase for phase in summary.get("phases") or [] if isinstance(phase, dict)]
    if not phases:
        return [], []
    keys = [key for key, value in phases[0].items() if not isinstance(value, dict | list)]
    rows = [[_value(phase.get(key)) for key in keys] for phase in phases]
    return [key.replace("rate_s", "requests/s").replace("_", " ") for key in keys], rows


def _value(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return number(value, 2)
    return f"{value:,}" if isinstance(value, int) else str(value)


def quality_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return rows about the quality of the data: late, dropped and lost requests, and clock offsets."""
    pacing, counts, recorded = summary["pacing"], summary["counts"], summary["requests"]["total"]
    gateway = (counts.get("gateway") or {}).get("requests")
    rows = [
        ("arrivals intended", count(pacing["intended"])),
        ("sent", count(pacing["sent"])),
        ("late start, p99", _ms(pacing["late_p99_ms"])),
        ("dropped, no user free", count(pacing["dropped"])),
        ("attempts recorded", count(recorded)),
        ("requests the gateway counted", count(gateway)),
    ]
    if counts.get("unrecorded") is not None:
        rows.append(("attempts not recorded", count(counts["unrecorded"])))
    rows.append(("attempts without a response", count(summary["requests"]["by_origin"]["client"])))
    return [*rows, *_workers(summary)]


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{number(value, 2)} ms"


def _workers(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a row about the clock of each worker that runs on another machine than the main process."""
    rows = []
    for worker in summary.get("workers") or []:
        clock = worker.get("clock") or {}
        half_width = clock.get("half_width_ns")
        if half_width is None or clock.get("shared"):
            continue
        rows.append((f"clock of worker {worker.get('worker', '?')}", f"corrected, known to ±{half_width / 1e6:.3f} ms"))
    return rows
