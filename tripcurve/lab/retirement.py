"""When Azure retires the models that a lab may name, and what a lab with real accounts should know about its model."""

from __future__ import annotations

from datetime import date, timedelta

from tripcurve.lab.model import Lab, Model
from tripcurve.target import V1

__all__ = ["model_warnings", "retired"]

SUCCESSOR = "gpt-5.1 2025-11-13"
SOON = timedelta(days=90)
"""How long before its retirement a model is warned about. Azure itself gives 60 days of notice [D-RETIRE]."""

RETIRED_ON = {
    ("gpt-35-turbo", "0301"): date(2025, 2, 13),
    ("gpt-35-turbo", "0613"): date(2025, 2, 13),
    ("gpt-35-turbo-16k", "0613"): date(2025, 4, 30),
    ("gpt-4", "0314"): date(2025, 6, 6),
    ("gpt-4", "0613"): date(2025, 6, 6),
    ("gpt-4.1", "2025-04-14"): date(2026, 10, 14),
    ("gpt-4.1-mini", "2025-04-14"): date(2026, 10, 14),
    ("gpt-4.1-nano", "2025-04-14"): date(2026, 10, 14),
    ("gpt-4o", "2024-05-13"): date(2026, 10, 1),
    ("gpt-4o", "2024-08-06"): date(2026, 10, 1),
    ("gpt-4o", "2024-11-20"): date(2026, 10, 1),
    ("gpt-4o-mini", "2024-07-18"): date(2026, 10, 1),
    ("gpt-5", "2025-08-07"): date(2027, 2, 6),
    ("gpt-5-mini", "2025-08-07"): date(2027, 2, 6),
    ("gpt-5-nano", "2025-08-07"): date(2027, 2, 6),
    ("gpt-5.1", "2025-11-13"): date(2027, 5, 15),
    ("gpt-5.2", "2025-12-11"): date(2026, 12, 12),
    ("gpt-5.4", "2026-03-05"): date(2027, 3, 5),
    ("gpt-5.4-mini", "2026-03-17"): date(2027, 3, 18),
    ("gpt-5.4-nano", "2026-03-17"): date(2027, 3, 18),
    ("gpt-5.5", "2026-04-24"): date(2027, 4, 23),
    ("o1", "2024-12-17"): date(2026, 9, 16),
    ("o3", "2025-04-16"): date(2026, 10, 16),
    ("o3-mini", "2025-01-31"): date(2026, 10, 1),
    ("o4-mini", "2025-04-16"): date(2026, 10, 16),
}
"""Retirement dates by name and version, as published on 7 July 2026 [D-RETIRE, D-LEGACY]."""

REASONING = ("gpt-5", "o1", "o3", "o4")
"""How the names of models begin that refuse `max_tokens` [D-REASON]."""


def retired(model: Model, today: date) -> str | None:
    """Return that Azure no longer deploys this model, and what to name instead; None if it does, as far as is known."""
    on = RETIRED_ON.get((model.name, model.version))
    if on is None or on > today:
        return None
    return (
        f"model.version: Azure retired {model.name} {model.version} on {on}, so no region deploys it; "
        f"use {SUCCESSOR} with api.version v1"
    )


def model_warnings(lab: Lab, today: date) -> list[str]:
    """Return what will not work with the lab's model on its accounts; empty for a lab without accounts."""
    if not any(backend.kind == "openai" for backend in lab.backends):
        return []
    model, found = lab.model, []
    gone, on = retired(model, today), RETIRED_ON.get((model.name, model.version))
    if gone is not None:
        found.append(gone)
    elif on is not None and on - today <= SOON:
        found.append(f"model.version: Azure retires {model.name} {model.version} on {on}; move to a newer model")
    if model.name.startswith(REASONING) and lab.api.version != V1:
        found.append(
            f"api.version: {model.name} refuses `max_tokens`, which the traffic sends with {lab.api.version}; use v1"
        )
    return found
