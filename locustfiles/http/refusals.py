"""Recognises the gateway's own answers by its profile, among the answers that no backend marked."""

from __future__ import annotations

import re

from locustfiles.http.answer import Answer
from tripcurve.gateways import GatewayProfile, Pattern
from tripcurve.gateways.profile import OTHER_REFUSAL

__all__ = ["Refusals"]

MOST_BODY = 4096
"""How many bytes of a body are searched for a pattern."""


class _Recogniser:
    """A pattern, ready to be compared with answers."""

    def __init__(self, pattern: Pattern) -> None:
        self._statuses = frozenset(status for low, high in pattern.statuses for status in range(low, high + 1))
        self._headers = [(name.encode(), re.compile(value.encode())) for name, value in pattern.headers.items()]
        self._body = None if pattern.body is None else re.compile(pattern.body.encode())

    def fits(self, answer: Answer) -> bool:
        """Return whether the answer has all properties of the pattern."""
        if self._statuses and answer.status not in self._statuses:
            return False
        for name, value in self._headers:
            given = answer.headers.get(name)
            if given is None or not value.search(given):
                return False
        return self._body is None or self._body.search(answer.body, 0, MOST_BODY) is not None


class Refusals:
    """Tells the gateway's sheds from its other own answers, and from those of backends that mark nothing."""

    def __init__(self, profile: GatewayProfile) -> None:
        self._others = [(other.name, _Recogniser(other.pattern)) for other in profile.others]
        self._shed = _Recogniser(profile.sheds) if profile.sheds.beyond_status else None
        self._shed_statuses = frozenset(profile.shed_statuses)
        self._unmarked = profile.unmarked

    def origin(self, answer: Answer) -> str:
        """Return who gave an answer that no backend marked: `gateway` or `backend`."""
        if any(other.fits(answer) for _, other in self._others):
            return "gateway"
        if self._shed is not None and self._shed.fits(answer):
            return "gateway"
        return self._unmarked

    def error(self, answer: Answer) -> str | None:
        """Return the error class of the gateway's own answer, or None for a shed and for any other status."""
        name = next((name for name, other in self._others if other.fits(answer)), None)
        if name is not None or self._shed is None or answer.status not in self._shed_statuses:
            return name
        return None if self._shed.fits(answer) else OTHER_REFUSAL
