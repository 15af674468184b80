"""The exit code of a diagnosis, and errors of other parts as findings."""

from __future__ import annotations

import pytest

from provision.doctor.findings import SEE_MESSAGE, Diagnosis, Finding, error, fault_of, ok, warning
from tripcurve.errors import BadInput, TargetUnavailable, TripcurveError

FINE, DOUBT = ok("a", "fine"), warning("b", "perhaps", "look")
CLOUD, LAB = error("c", "no quota", "ask"), error("d", "no such tier", "change the lab", BadInput)


@pytest.mark.parametrize(
    ("findings", "code"),
    [([], 0), ([FINE, DOUBT], 0), ([FINE, CLOUD], 3), ([CLOUD, LAB, DOUBT], 2)],
)
def test_the_exit_code_is_that_of_the_contract(findings: list[Finding], code: int) -> None:
    found = Diagnosis(lab="l", cloud="azure", subscription_id="s", resource_group="g", findings=findings)
    assert (found.exit_code, found.model_dump()["exit_code"]) == (code, code)


@pytest.mark.parametrize(
    ("fault", "detail", "remedy", "code"),
    [
        (TargetUnavailable("quota: none; ask for more; soon"), "quota: none", "ask for more; soon", 3),
        (BadInput("the service refused: X: no"), "the service refused: X: no", SEE_MESSAGE, 2),
    ],
)
def test_an_error_with_a_remedy_becomes_a_finding(fault: TripcurveError, detail: str, remedy: str, code: int) -> None:
    assert fault_of("x", fault) == Finding(check="x", level="error", detail=detail, remedy=remedy, exit_code=code)
