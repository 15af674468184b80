"""Every citation names a source that docs/sources.md defines, and nothing points out of the repository."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "docs" / "sources.md"
FOLDERS = ("tripcurve", "provision", "locustfiles", "reports", "simulator", "tests", "docs")

ROW = re.compile(r"^\| ([A-Z][A-Z0-9]*(?:-[\w-]+)?) \| ([^|]+) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
ID = r"D-[A-Z0-9]+|[A-Z]{2,}[0-9]*-[A-Za-z0-9-]+|[A-Z]{2,}[0-9]*"
CITATION = re.compile(rf"(?<![\w\]\"'`])\[({ID})\](?![(\w])")
ONLY_IDS = re.compile(rf"[\"'](?:{ID})(?:, (?:{ID}))*[\"']")
"""A string of nothing but ids, as tables in code have them."""
NOT_SOURCES = {"DONE", "FAULT", "GET", "LAB", "RUN"}
"""Words in square brackets that are not citations: usage lines and other people's output."""

OUTSIDE = re.compile(r"\bfacts? \d+(?:\.\d+)?|\b[Ff]acts: |design(?:\.md)? ?§|\brow \d+ of the facts")
"""Phrases that lead to a document outside the repository."""

WORDS_TOO = {"SDK", "SPEC", "TF", "SIM", "LB", "BENCH", "SAMPLES", "CAPTURES", "NEWTONSOFT", "DOTLIQUID"}
"""Ids that are also words or names in code, so that they may stand without brackets."""


def sources() -> dict[str, tuple[str, str, str]]:
    """Title, address and date of each source by its id."""
    return {
        found[1]: (found[2], found[3].strip(), found[4].strip()) for found in ROW.finditer(SOURCES.read_text("utf-8"))
    }


@cache
def texts() -> list[tuple[str, str]]:
    """Path and prose of each file: whole pages, and the comments and strings of code."""
    return list(_texts())


def _texts() -> Iterator[tuple[str, str]]:
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")):
        name = str(path.relative_to(ROOT))
        if path.suffix == ".md" and path != SOURCES:
            yield name, path.read_text("utf-8")
        elif path.suffix == ".py" and path != Path(__file__):
            yield name, prose(path.read_text("utf-8"))
    yield "README.md", (ROOT / "README.md").read_text("utf-8")


def prose(code: str) -> str:
    """The comments and strings of a Python file; a string of nothing but ids counts as citations."""
    kinds = (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1))
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return "\n".join(in_brackets(token.string) for token in tokens if token.type in kinds)


def in_brackets(text: str) -> str:
    ids = re.findall(ID, text)
    return (
        " ".join(f"[{name}]" for name in ids)
        if ONLY_IDS.fullmatch(text) and ids[0].startswith(("D-", "PR-", "PTK"))
        else text
    )


def cited(text: str) -> set[str]:
    return set(CITATION.findall(text)) - NOT_SOURCES


def bare(text: str, ids: set[str]) -> set[str]:
    """The sources that a text mentions without brackets, and RFCs by number."""
    pattern = "|".join(sorted((re.escape(name) for name in ids - WORDS_TOO), key=len, reverse=True))
    return set(re.findall(rf"(?<![\w\[/`#-])(?:{pattern})(?![\w\]-])|\bRFC \d+", text))


def test_every_source_has_a_title_an_address_and_a_date() -> None:
    wrong = {
        name: row
        for name, row in sources().items()
        if not (row[0] and row[1].startswith("https://") and re.fullmatch(r"\d{4}-\d\d-\d\d", row[2]))
    }
    assert (len(sources()) > 80, wrong) == (True, {})


def test_an_id_is_defined_once() -> None:
    names = [found[1] for found in ROW.finditer(SOURCES.read_text("utf-8"))]
    assert sorted(names) == sorted(set(names))


def test_every_citation_has_a_source() -> None:
    known = set(sources())
    assert {path: cited(text) - known for path, text in texts() if cited(text) - known} == {}


def test_a_source_is_cited_in_square_brackets() -> None:
    ids = set(sources())
    found = {path: bare(text, ids) for path, text in texts()}
    assert {path: names for path, names in found.items() if names} == {}


def test_nothing_points_out_of_the_repository() -> None:
    found = {path: OUTSIDE.findall(text) for path, text in texts()}
    assert {path: phrases for path, phrases in found.items() if phrases} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A pool takes at most 30 [D-BE].", {"D-BE"}),
        ("see [PR-set-header] [RFC9110]", {"PR-set-header", "RFC9110"}),
        ("[a link](there), list[SDK], [A-Z]+ and [GET]", set()),
    ],
)
def test_a_citation_is_an_id_in_square_brackets(text: str, found: set[str]) -> None:
    assert cited(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("as D-BE says", {"D-BE"}), ("RFC 9110 says", {"RFC 9110"}), ("[D-BE], the SDK", set()), ("PR-x", set())],
)
def test_a_source_without_brackets_is_found(text: str, found: set[str]) -> None:
    assert bare(text, set(sources())) == found
