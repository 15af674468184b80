"""Parses an expression's text to a syntax tree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedEOF, UnexpectedInput, UnexpectedToken
from lark.lexer import Lexer

from provision.local.apim.expressions.errors import ExpressionError
from provision.local.apim.expressions.language.lookahead import classify
from provision.local.apim.expressions.language.tokens import tokenize
from provision.local.apim.expressions.limits import MAX_SOURCE

__all__ = ["parse"]


class _ListLexer(Lexer):
    """Gives lark the tokens of a list instead of those of a text."""

    def __init__(self, conf: object) -> None:
        """Accept the configuration with which Lark constructs its lexer, and ignore it."""

    def lex(self, tokens: Any) -> Iterator[Token]:  # type: ignore[override]  # lark's interface for lexers of its users
        yield from tokens


@cache
def _parser() -> Lark:
    grammar = Path(__file__).with_name("csharp.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer=_ListLexer, start=["single", "statements"], propagate_positions=True)


def parse(text: str) -> tuple[Tree[Token], bool]:
    """Return the syntax tree of `@(…)` or `@{…}`, and whether it is `@{…}`, which has statements.

    Raises ExpressionError with the line and the column in `text`, both from 1.
    """
    if len(text) > MAX_SOURCE:
        raise ExpressionError(f"Expression is {len(text)} characters long; the limit is {MAX_SOURCE}")
    stripped = text.rstrip()
    block = stripped.startswith("@{")
    if not (block and stripped.endswith("}")) and not (stripped.startswith("@(") and stripped.endswith(")")):
        raise ExpressionError("An expression is written @( … ) or @{ … }")
    tokens = classify(tokenize(text, 2, len(stripped) - 1))
    if not tokens and not block:
        raise ExpressionError("Expression is empty", 1, 3)
    given: Any = tokens  # the lexer takes a list: see _ListLexer
    try:
        return _parser().parse(given, start="statements" if block else "single"), block
    except UnexpectedToken as failure:
        raise _unexpected(failure, tokens) from None
    except UnexpectedInput as failure:
        raise ExpressionError("Invalid expression", failure.line, failure.column) from None


def _unexpected(failure: UnexpectedToken, tokens: list[Token]) -> ExpressionError:
    token = failure.token
    wanted = sorted(kind for kind in failure.expected if kind in _HINTS)
    hint = f"; {_HINTS[wanted[0]]} expected" if len(wanted) == 1 else ""
    if isinstance(failure, UnexpectedEOF) or token.type == "$END":
        last = tokens[-1] if tokens else None
        line, column = (1, 3) if last is None else (last.line or 1, last.column or 1)
        return ExpressionError(f"Unexpected end of expression{hint}", line, column)
    return ExpressionError(f"Unexpected '{token}'{hint}", token.line or 1, token.column or 1)


_HINTS = {"_SEMI": "';'", "_RPAR": "')'", "_RBRACE": "'}'", "_RSQB": "']'"}
