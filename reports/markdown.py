"""summary.md: the report as a page of Markdown, for a pull request or a CI job summary."""

from __future__ import annotations

import re
from typing import Any

from reports.words import TRIP_COLUMNS, answer, number, trip_rows

__all__ = ["render_markdown"]


def render_markdown(summary: dict[str, Any]) -> str:
    """The summary as Markdown; names from the lab and texts from backends are escaped."""
    lines = [f"# {_plain(summary['lab'])}: {_plain(summary['scenario'])}", ""]
    lines += [*answer(summary), ""]
    if summary["trips"]:
        lines += ["## Trips", "", *_table(list(TRIP_COLUMNS), trip_rows(summary)), ""]
    lines += ["## Requests", "", *_table(["status", "requests"], _statuses(summary)), ""]
    lines += ["## Latency, ms", "", *_table(["origin", "n", "p50", "p95", "p99", "max"], _latencies(summary)), ""]
    if summary["checks"]:
        rows = [
            ["passed" if c["passed"] else "**FAILED**", f"`{c['expression']}`", number(c["value"])]
            for c in summary["checks"]
        ]
        lines += ["## Checks", "", *_table(["", "check", "value"], rows), ""]
    if summary["notes"]:
        lines += ["## Notes", "", *(f"- {_plain(note)}" for note in summary["notes"]), ""]
    return "\n".join(lines)


def _statuses(summary: dict[str, Any]) -> list[list[str]]:
    return [[status, f"{count:,}"] for status, count in summary["requests"]["by_status"].items()]


def _latencies(summary: dict[str, Any]) -> list[list[str]]:
    return [
        [origin, f"{figures['n']:,}", *(number(figures[name], 1) for name in ("p50", "p95", "p99", "max"))]
        for origin, figures in summary["latency_ms"].items()
    ]


def _table(headings: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---"] * len(headings)
    return ["| " + " | ".join(_plain(cell, code=True) for cell in row) + " |" for row in (headings, rule, *rows)]


def _plain(text: str, code: bool = False) -> str:
    """Text that cannot start markup of its own."""
    text = re.sub(r"[\x00-\x1f\x7f]", " ", text)
    return text.replace("|", "\\|") if code else re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", text)
