"""The table of findings at 80 columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provision.doctor.findings import Diagnosis, Finding, error, ok, warning
from provision.doctor.text import diagnosis_text


def diagnosis(findings: list[Finding], subscription: str | None = "s") -> Diagnosis:
    return Diagnosis(lab="quick", cloud="azure", subscription_id=subscription, resource_group="g", findings=findings)


def test_each_finding_is_a_row_with_its_remedy_below() -> None:
    found = [
        ok("clock", "within 5 s of the service's"),
        warning("model", "gpt-4o retires on 2027-02-01", "choose a newer model.version or model.name"),
        error("quota", "OpenAI.Standard.gpt-4o in eastus: 30 more do not fit (80 of 100 used)", "lower model.capacity"),
    ]
    assert diagnosis_text(diagnosis(found)).splitlines() == [
        "Lab quick on Azure, subscription s, group g",
        "",
        "  ✓ ok       clock         within 5 s of the service's",
        "  ! warning  model         gpt-4o retires on 2027-02-01",
        "                           → choose a newer model.version or model.name",
        "  ✗ error    quota         OpenAI.Standard.gpt-4o in eastus: 30 more do not fit",
        "                           (80 of 100 used)",
        "                           → lower model.capacity",
        "",
        "1 error, 1 warning, 1 ok",
        "`tripcurve up quick` would fail.",
    ]


def test_without_errors_the_total_claims_no_more_than_was_checked() -> None:
    text = diagnosis_text(diagnosis([ok("clock", "fine")], None)).splitlines()
    assert text[0] == "Lab quick"
    assert text[-2:] == ["0 errors, 0 warnings, 1 ok", "No check found a reason why `tripcurve up quick` would fail."]


@given(detail=st.text(min_size=1, max_size=400), remedy=st.text(min_size=1, max_size=400))
def test_no_row_is_wider_than_80_columns(detail: str, remedy: str) -> None:
    text = diagnosis_text(diagnosis([error("name", detail, remedy)]))
    assert max(map(len, text.splitlines())) <= 80
