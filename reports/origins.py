"""Tells the gateway's 503s from backends' answers where the policy sets no instrumentation header."""

from __future__ import annotations

import pandas as pd

__all__ = ["with_origins"]


def with_origins(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The requests with their origin judged by status where no answer at all names its backend.

    A gateway does not make up a 2xx: where it seems to have, its policy does not mark backends' answers. Then
    every answer but a 503 is a backend's, and a 503 is a shed, which a note says.
    """
    gateway, good = frame["origin"] == "gateway", frame["status"].between(200, 299)
    if not (gateway & good).any() or (frame["origin"] == "backend").any():
        return frame
    origin = frame["origin"].astype(str)
    origin[gateway & (frame["status"] != 503)] = "backend"
    notes.append(
        "the policy sets no x-tripcurve-backend header, so answers are told apart by status: every 503 is taken "
        "for the gateway's own; a backend that answers 503 itself would be mistaken for an open breaker"
    )
    return frame.assign(origin=pd.Categorical(origin, categories=["backend", "gateway", "client"]))
