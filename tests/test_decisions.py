"""Each record of docs/decisions.md has a date, a context, a decision, alternatives and a consequence."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

TEXT = (Path(__file__).parent.parent / "docs" / "decisions.md").read_text("utf-8")
HEAD = re.compile(r"^## (\d{4}-\d\d-\d\d): (.+)$", re.MULTILINE)
PARTS = ["Context", "Decision", "Alternatives", "Consequence"]
RECORDS = TEXT[TEXT.index("```\n\n") :]


def records() -> list[tuple[str, str, str]]:
    """Date, title and body of each record, in the order of the page."""
    found = HEAD.split(RECORDS)[1:]
    return list(zip(found[::3], found[1::3], found[2::3], strict=True))


def parts(body: str) -> list[str]:
    return re.findall(r"^\* ([A-Z][a-z ]+): \S", body, re.MULTILINE)


def superseding(body: str) -> list[str]:
    """Titles of the records that replace one, line breaks undone."""
    found = re.findall(r"^\* Superseded by: ((?:.|\n  )+)$", body, re.MULTILINE)
    return [" ".join(title.split()) for title in found]


def test_every_heading_is_a_dated_record() -> None:
    assert len(records()) > 50
    assert re.findall(r"^#+ .*$", RECORDS, re.MULTILINE) == [f"## {date}: {title}" for date, title, _ in records()]


def test_every_record_has_its_four_parts_in_order() -> None:
    wrong = {title: parts(body) for _, title, body in records() if parts(body)[:4] != PARTS}
    assert wrong == {}


def test_no_record_has_an_unknown_part() -> None:
    assert {name for *_, body in records() for name in parts(body)} <= {*PARTS, "Superseded by"}


def test_a_blank_line_is_before_each_record() -> None:
    lines = RECORDS.splitlines()
    crowded = [line for before, line in pairwise(lines) if line.startswith("#") and before]
    assert crowded == []


def test_the_newest_record_comes_first() -> None:
    dates = [date for date, *_ in records()]
    assert dates == sorted(dates, reverse=True)


def test_no_two_records_have_the_same_title() -> None:
    titles = [title for _, title, _ in records()]
    assert sorted(titles) == sorted(set(titles))


def test_a_superseded_record_names_the_record_that_replaced_it() -> None:
    titles = {title for _, title, _ in records()}
    assert {name for *_, body in records() for name in superseding(body)} <= titles
