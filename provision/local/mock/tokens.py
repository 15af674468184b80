"""Tokens without a tokenizer: an estimate of a prompt's, and text that has a given number of them."""

from __future__ import annotations

__all__ = ["estimate", "text_of", "token_text"]

# Each word is one token of the usual vocabularies when a space precedes it.
_TEXT = (
    "A fault draws too much current and the breaker opens before the wire can melt . While it is open no load reaches "
    "the line . After some time it closes again and power flows as it did before . If the fault is still there it "
    "opens once more ."
)
_TOKENS = tuple(word if word == "." else " " + word for word in _TEXT.split())
_ROUND = "".join(_TOKENS)


def estimate(characters: int) -> int:
    """Tokens of a text of so many characters: four to a token, as Azure's own rule of thumb has it."""
    return (characters + 3) // 4


def token_text(index: int) -> str:
    """The text of the token at `index` of every answer; the first has no space before it."""
    return _TOKENS[0].strip() if index == 0 else _TOKENS[index % len(_TOKENS)]


def text_of(tokens: int) -> str:
    """The answer's text of exactly so many tokens; always the same for the same number."""
    rounds, rest = divmod(tokens, len(_TOKENS))
    return (_ROUND * rounds + "".join(_TOKENS[:rest])).lstrip()
