"""Write the findings of `tripcurve doctor` as a table for people, at most 80 columns wide."""

from __future__ import annotations

import textwrap

from provision.doctor.findings import Diagnosis, Finding
from provision.lifecycle.show import WIDTH, header_text

__all__ = ["diagnosis_text"]

MARKS = {"ok": "✓ ok", "warning": "! warning", "error": "✗ error"}


def diagnosis_text(diagnosis: Diagnosis) -> str:
    """Return one row for each finding (level, check, detail), its remedy below it, and the totals."""
    if diagnosis.subscription_id is None:
        header = f"Lab {diagnosis.lab}"
    else:
        header = header_text(diagnosis.lab, diagnosis.cloud, diagnosis.subscription_id, diagnosis.resource_group)
    rows = [line for finding in diagnosis.findings for line in _row(finding)]
    return "\n".join([header, "", *rows, "", *_totals(diagnosis)])


def _row(finding: Finding) -> list[str]:
    first = f"  {MARKS[finding.level]:<10} {finding.check:<13} "
    lines = _wrapped(finding.detail, first, " " * len(first))
    if finding.remedy is not None:
        lines += _wrapped(finding.remedy, " " * len(first) + "→ ", " " * (len(first) + 2))
    return lines


def _wrapped(text: str, first: str, following: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=following, break_on_hyphens=False)


def _totals(diagnosis: Diagnosis) -> list[str]:
    counts = {level: diagnosis.count(level) for level in ("error", "warning", "ok")}
    totals = ", ".join([_number(counts["error"], "error"), _number(counts["warning"], "warning"), f"{counts['ok']} ok"])
    command = f"`tripcurve up {diagnosis.lab}`"
    if counts["error"]:
        return [totals, *_wrapped(f"{command} would fail.", "", "")]
    return [totals, *_wrapped(f"No check found a reason why {command} would fail.", "", "")]


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
