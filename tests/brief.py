"""The quick lab on a shorter clock yet: a live run of a few seconds has whole trips."""

from __future__ import annotations

from typing import Any

from tripcurve.lab import Lab, load_lab

__all__ = ["brief_lab"]


def brief_lab(**rule: Any) -> Lab:
    """The quick lab, whose breaker opens for a second, with other settings of its rule."""
    lab = load_lab("quick")
    [backend] = lab.backends
    assert backend.breaker is not None
    breaker = backend.breaker.model_copy(update={"trip_duration": 1.0, **rule})
    return lab.model_copy(update={"backends": (backend.model_copy(update={"breaker": breaker}),)})
