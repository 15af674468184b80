"""Faults of the local control plane as tests inject them, and progress that remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from provision.lifecycle.progress import Silent

__all__ = ["Admin", "Heard", "Inject", "left"]

Inject = Callable[..., None]
Admin = Callable[..., requests.Response]


def left(admin: Admin) -> Any:
    """The faults that no call has met yet."""
    return admin("GET").json()


class Heard(Silent):
    """Progress that remembers."""

    def __init__(self) -> None:
        self.beats = 0
        self.begun: list[str] = []
        self.troubles: list[str] = []
        self.endings: list[str] = []

    def started(self, doing: str, what: str, note: str | None = None) -> None:
        self.begun.append(what)

    def lasting(self) -> None:
        self.beats += 1

    def trouble(self, what: str) -> None:
        self.troubles.append(what)

    def finished(self, how: str) -> None:
        self.endings.append(how)
