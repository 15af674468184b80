"""Token estimates and text of a given number of tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.local.mock.tokens import estimate, text_of, token_text


@pytest.mark.parametrize(("characters", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (4000, 1000)])
def test_four_characters_are_a_token(characters: int, tokens: int) -> None:
    assert estimate(characters) == tokens


@given(st.integers(0, 500))
def test_a_text_is_its_tokens_in_order(tokens: int) -> None:
    assert text_of(tokens) == "".join(token_text(index) for index in range(tokens))


def test_a_longer_text_begins_with_the_shorter() -> None:
    assert text_of(200).startswith(text_of(100))
    assert len(text_of(200)) > len(text_of(100)) > 0
