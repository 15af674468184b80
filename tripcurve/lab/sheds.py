"""The statuses with which a lab's gateway refuses requests while a breaker is open, as rules, pool and policy state."""

from __future__ import annotations

import re

from tripcurve.errors import BadInput
from tripcurve.lab.model import POLICIES, Lab
from tripcurve.shipped import find_file

__all__ = ["UNAVAILABLE", "policy_text", "stated_shed_statuses"]

UNAVAILABLE = 503
"""The status of a shed, unless the rule, the pool or the policy sets another [SPEC26]."""

_SECTION = re.compile(r"<(?:on-error|outbound)>.*?</(?:on-error|outbound)>", re.DOTALL)
_SET_STATUS = re.compile(r"<set-status\b[^>]*\bcode=\"(\d{3})\"")


def stated_shed_statuses(lab: Lab) -> frozenset[int]:
    """Return 503 and every other status that the lab's rules, pool or policy set for sheds.

    Only the gateway's own answers with these statuses are sheds: a backend may answer with the same ones.
    """
    rules = [backend.breaker for backend in lab.backends if backend.breaker is not None]
    set_by = [rule.failure_response for rule in rules] + [lab.pool.failure_response if lab.has_pool else None]
    found = {UNAVAILABLE, *(status for status in set_by if status is not None)}
    for section in _SECTION.findall(policy_text(lab) or ""):
        found |= {int(code) for code in _SET_STATUS.findall(section) if int(code) >= 400}
    return frozenset(found)


def policy_text(lab: Lab) -> str | None:
    """Return the lab's policy document, or None if it cannot be read."""
    try:
        return find_file(lab.api.policy, POLICIES, ".xml", "policy").read_text("utf-8", errors="replace")
    except (BadInput, OSError):
        return None
