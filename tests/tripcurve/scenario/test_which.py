"""Requests named by their number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.scenario.which import Which, parse_which


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("first 2", [1, 2]),
        ("the first 2", [1, 2]),
        ("every 3rd", [3, 6, 9, 12]),
        ("every 1st", list(range(1, 13))),
        ("4th", [4]),
        ("the 4th to 6th", [4, 5, 6]),
        ("4th to the 6th", [4, 5, 6]),
        ("12th to 12th", [12]),
    ],
)
def test_a_text_names_requests_by_their_number(text: str, numbers: list[int]) -> None:
    assert [number for number in range(1, 13) if parse_which(text).includes(number)] == numbers


@pytest.mark.parametrize(
    "text", ["", "first", "first 0", "every 0th", "0th", "6th to 4th", "first two", "4 to 6", "every 3", "first ²"]
)
def test_any_other_text_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="write `first 2`, `every 3rd`, `4th` or `4th to 6th`"):
        parse_which(text)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 50))
def test_the_forms_agree_with_their_meaning(number: int, first: int, more: int) -> None:
    assert parse_which(f"first {first}") == Which(1, first)
    assert parse_which(f"{first}th to {first + more}th").includes(number) == (first <= number <= first + more)
    assert parse_which(f"every {first}th").includes(number) == (number % first == 0)
