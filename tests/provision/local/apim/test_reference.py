"""docs/gateway.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from provision.local.apim.policies import documented_elements
from provision.local.apim.reference import render
from tripcurve.lab.local_options import LocalOptions

PAGE = Path(__file__).parents[4] / "docs" / "gateway.md"


def test_the_page_is_the_one_that_the_code_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run python -m provision.local.apim.reference docs/gateway.md"


def test_every_policy_stands_on_the_page_with_its_status() -> None:
    page = render()
    for policy in documented_elements():
        assert f"| `{policy.name}` | {policy.status} |" in page


def test_what_is_refused_says_why_and_what_runs_says_what_it_rests_on() -> None:
    for policy in documented_elements():
        assert policy.fact
        assert policy.note if policy.status == "refused" else policy.sections


def test_every_option_says_what_it_means_and_what_it_rests_on() -> None:
    rows = {name: row for row in render().splitlines() for name in LocalOptions.model_fields if f"| `{name}` |" in row}
    assert rows.keys() == LocalOptions.model_fields.keys()
    for row in rows.values():
        *_, meaning, source = row.strip("| ").split(" | ")
        assert meaning
        assert source
