"""The counted machine against Python's own engine, where the two dialects agree."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from provision.local.apim.expressions.regex import compile_pattern

ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", "(a)", "(?:ab)", "(a|b)", "(?=a)", "(?!b)", r"\b", "(b(a)?)"]
)
COUNTS = st.sampled_from(["", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?"])


@st.composite
def patterns(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.tuples(ATOMS, COUNTS), min_size=1, max_size=4))
    text = "".join(atom + ("" if atom in (r"\b", "(?=a)", "(?!b)") else count) for atom, count in parts)
    return draw(st.sampled_from(["{}", "^{}$", "{}|b", "(?:{})+?b"])).format(text)


@settings(max_examples=400, deadline=None)
@given(patterns(), st.text(alphabet="ab1 ", max_size=8))
def test_matches_begin_and_end_where_pythons_do(pattern: str, text: str) -> None:
    expected = re.search(pattern, text, re.ASCII)
    found = compile_pattern(pattern, 0).find(text, 0, lambda count: None)
    assert (None if found is None else found.spans[:2]) == (None if expected is None else expected.span())


def test_named_groups_are_numbered_after_the_others() -> None:
    found = compile_pattern(r"(?<n>a)(b)", 0).find("ab", 0, lambda count: None)
    assert found is not None
    assert (found.group(1), found.group(2)) == ("b", "a")


def test_options_change_what_matches() -> None:
    def whole(pattern: str, flags: int, text: str) -> bool:
        return compile_pattern(pattern, flags).find(text, 0, lambda count: None) is not None

    assert whole("^B$", 1 | 2, "a\nb\nc")
    assert not whole("a.b", 0, "a\nb")
    assert whole("a.b", 16, "a\nb")
    assert whole("a b # c", 32, "ab")
    assert whole("(?i)AB", 0, "ab")
