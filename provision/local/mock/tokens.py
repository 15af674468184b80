"""Tokens without a tokenizer: an estimate for prompts, and text with a given number of tokens."""

from __future__ import annotations

__all__ = ["CHARACTERS_PER_TOKEN", "estimate", "text_of", "token_text"]

CHARACTERS_PER_TOKEN = 4
"""Azure's rule of thumb."""

# Each word, with a space before it, is one token of the usual vocabularies.
_TEXT = (
    "A fault draws too much current and the breaker opens before the wire can melt . While it is open no load reaches "
    "the line . After some time it closes again and power flows as it did before . If the fault is still there it "
    "opens once more ."
)
_TOKENS = tuple(word if word == "." else " " + word for word in _TEXT.split())
_ROUND = "".join(_TOKENS)


def estimate(characters: int) -> int:
    """Return the number of tokens for a number of characters."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def token_text(index: int) -> str:
    """Return the text of the token at `index`, the same in every answer; the first has no space before it."""
    return _TOKENS[0].strip() if index == 0 else _TOKENS[index % len(_TOKENS)]


def text_of(tokens: int) -> str:
    """Return an answer of exactly this number of tokens. It is always the same for the same number."""
    rounds, rest = divmod(tokens, len(_TOKENS))
    return (_ROUND * rounds + "".join(_TOKENS[:rest])).lstrip()
