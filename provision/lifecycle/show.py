"""Write plans, statuses and other results as text for people, at most 80 columns wide."""

from __future__ import annotations

import difflib
import json
import textwrap
from typing import Any

from provision.lifecycle.down import Removed
from provision.lifecycle.plan import Action, Plan
from provision.lifecycle.smoke import Smoke
from provision.lifecycle.status import LabStatus
from provision.resources.differences import Change

__all__ = ["header_text", "plan_text", "removed_text", "smoke_text", "status_text"]

WIDTH = 80
MARKS = {"create": "+", "change": "~", "leave": "=", "wait": "…", "delete": "-"}
LABEL = 26


def plan_text(plan: Plan) -> str:
    """Return the plan as text: one line for each resource, and below it one for each field that changes."""
    lines = [header_text(plan.lab, plan.cloud, plan.subscription_id, plan.resource_group), ""]
    for action in plan.actions:
        lines += _action_lines(action)
    return "\n".join([*lines, "", _summary(plan)])


def status_text(status: LabStatus) -> str:
    """Return the lab's state, the fields that differ from the lab file, and the rules in force."""
    words = {
        "up": "up: everything matches the lab",
        "drifted": "DRIFTED: differs from the lab; `tripcurve up` corrects it",
        "partial": "PARTIAL: something is missing; `tripcurve up` completes it",
        "down": "down: none of its resources exists",
    }
    lines = [header_text(status.lab, status.cloud, status.subscription_id, status.resource_group)]
    lines += [words[status.standing], ""]
    if status.standing != "down":
        for action in status.resources:
            lines += _standing_lines(action)
        lines += ["", f"gateway  {status.gateway_url or 'does not exist yet'}"]
        lines += [f"rule     {name}: {_rule_text(rule)}" for name, rule in status.rules.items()]
    if status.soft_deleted:
        lines += _wrapped(f"soft-deleted, so the names are taken: {', '.join(status.soft_deleted)}", 0)
    return "\n".join(lines).rstrip()


def removed_text(removed: Removed) -> str:
    """Return the text of what `down` deleted and what it kept."""
    lines = [f"deleted {len(removed.deleted)}, purged {len(removed.purged)}"]
    if not removed.deleted and not removed.purged:
        lines = ["nothing to delete"]
    for left in removed.left:
        lines += _wrapped(f"left {left.type} {left.name}: {left.why}", 2)
    if removed.held:
        lines += _wrapped(f"soft-deleted, so the names stay taken: {', '.join(removed.held)}", 2)
        lines.append(f"  free them with `{removed.free_with}`")
    return "\n".join(lines)


def smoke_text(smoke: Smoke) -> str:
    """Return one line for each test, and below it the answer or a remedy."""
    lines = [f"Smoke test of lab {smoke.lab} at {smoke.gateway_url}"]
    for result in smoke.results:
        mark = "✓" if result.passed else "✗"
        status = "no answer" if result.status is None else str(result.status)
        lines.append(f"  {mark} {result.test:<40} {status:>9} {result.latency_ms:>9.1f} ms")
        lines += _wrapped(result.detail, 6)
    return "\n".join(lines)


def header_text(lab: str, cloud: str, subscription: str, group: str) -> str:
    """Return the line that names the lab and its cloud."""
    where = "Azure" if cloud == "azure" else "the local cloud"
    return "\n".join(_wrapped(f"Lab {lab} on {where}, subscription {subscription}, group {group}", 0))


def _summary(plan: Plan) -> str:
    if not plan.has_changes:
        return "No changes: everything matches the lab."
    counts = [
        f"{plan.count(verb)} {words}"
        for verb, words in (
            ("create", "to create"),
            ("change", "to change"),
            ("delete", "to delete"),
            ("wait", "to wait for"),
            ("leave", "unchanged"),
        )
        if plan.count(verb)
    ]
    return f"Plan: {', '.join(counts)}."


def _action_lines(action: Action) -> list[str]:
    note = "" if action.ours or action.action != "leave" else "  (not of this lab)"
    lines = [f"  {MARKS[action.action]} {action.type} {action.name}{note}"]
    if action.action == "create":
        return lines + [line for change in action.changes for line in _field(change.field, _value(change.new))]
    return lines + [line for change in action.changes for line in _change_lines(change)]


def _change_lines(change: Change) -> list[str]:
    if change.field != "document" or change.old is None:
        return _field(change.field, _arrow(change))
    return [*_field(change.field, "(elements removed and added)"), *_elements(change.old, change.new)]


def _elements(old: str, new: str) -> list[str]:
    """Return the elements of a policy that differ, each with the + or - of a diff."""
    before, after = (document.replace("><", ">\n<").splitlines() for document in (old, new))
    moved = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    return [part for line in moved for part in _wrapped(line, 8)]


def _standing_lines(action: Action) -> list[str]:
    """Return the lines of one resource in a status, which says how it is and not what `up` would do."""
    words = {"create": "missing", "wait": "being created", "delete": "no longer in the lab", "change": "differs"}
    note = "" if action.action == "leave" else f"  ({words[action.action]})"
    lines = [f"  {MARKS[action.action]} {action.type} {action.name}{note}"]
    if action.action != "change":
        return lines
    return lines + [line for change in action.changes for line in _drift_lines(change)]


def _drift_lines(change: Change) -> list[str]:
    if change.field == "document":
        return _change_lines(change)
    return _field(change.field, f"{_value(change.old)}, the lab says {_value(change.new)}")


def _arrow(change: Change) -> str:
    return f"{_value(change.old)} → {_value(change.new)}"


def _value(value: Any) -> str:
    """Return a field's value on one line; a long document is shown by its size only."""
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"({len(text)} characters)"


def _field(name: str, text: str) -> list[str]:
    first = f"      {name:<{LABEL}} "
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
    ) or [first.rstrip()]


def _wrapped(text: str, indent: int) -> list[str]:
    space = " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=space, subsequent_indent=space + "  ", break_on_hyphens=False)


def _rule_text(rule: dict[str, Any] | None) -> str:
    if rule is None:
        return "no breaker"
    threshold = f"{rule['count']} ×" if rule["count"] is not None else f"{rule['percentage']} %"
    counted = [*map(str, rule["status_codes"]), *(f"“{reason}”" for reason in rule["error_reasons"])]
    after = " or Retry-After" if rule["accept_retry_after"] else ""
    return f"{threshold} {', '.join(counted)} in {rule['interval']} opens it for {rule['trip_duration']}{after}"
