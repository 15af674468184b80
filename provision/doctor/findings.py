"""The result of a check, and of all of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, computed_field

from tripcurve.errors import BadInput, TargetUnavailable, TripcurveError

__all__ = ["Diagnosis", "Finding", "error", "fault_of", "ok", "unchecked", "warning"]

SEE_MESSAGE = "correct what the message names, and run the command again"


class Finding(BaseModel):
    """The result of one check. `remedy` is None if it is ok; `exit_code` is that of an error, else 0."""

    check: str
    level: Literal["ok", "warning", "error"]
    detail: str
    remedy: str | None = None
    exit_code: int = 0


class Diagnosis(BaseModel):
    """The findings of all checks. `subscription_id` is None if no subscription is named."""

    lab: str
    cloud: str
    subscription_id: str | None
    resource_group: str
    findings: list[Finding]

    def count(self, level: str) -> int:
        """Return how many findings have this level."""
        return sum(finding.level == level for finding in self.findings)

    @computed_field  # type: ignore[prop-decorator]  # mypy takes no decorator above property; pydantic's docs say so
    @property
    def exit_code(self) -> int:
        """0 without errors; 2 if the lab or the command is wrong; 3 if only the cloud or this machine is."""
        return min((finding.exit_code for finding in self.findings if finding.level == "error"), default=0)


def ok(check: str, detail: str) -> Finding:
    """Return the finding of a check that passed."""
    return Finding(check=check, level="ok", detail=detail)


def warning(check: str, detail: str, remedy: str) -> Finding:
    """Return the finding of something that may fail, or that could not be checked."""
    return Finding(check=check, level="warning", detail=detail, remedy=remedy)


def error(check: str, detail: str, remedy: str, kind: type[TripcurveError] = TargetUnavailable) -> Finding:
    """Return the finding of something that will fail. `kind` is the error that `up` or `run` would end with."""
    return Finding(check=check, level="error", detail=detail, remedy=remedy, exit_code=kind.exit_code)


def fault_of(check: str, fault: TripcurveError) -> Finding:
    """Return the finding for an error that `up` would end with. Its message is "the problem; the remedy"."""
    detail, _, remedy = str(fault).partition("; ")
    kind = BadInput if isinstance(fault, BadInput) else TargetUnavailable
    return error(check, detail, remedy or SEE_MESSAGE, kind)


def unchecked(check: str, fault: TripcurveError) -> Finding:
    """Return the finding for a check that could not be made because of an error of the service."""
    detail, _, remedy = str(fault).partition("; ")
    return warning(check, f"could not be checked: {detail}", remedy or SEE_MESSAGE)
