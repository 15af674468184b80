"""Marks tokens that one token of look-ahead cannot tell apart: casts, lambdas, generic brackets and declarations.

The tokens are scanned once by the rules of the C# specification ("Cast expressions", "Grammar ambiguities"), and an
ambiguous token gets a token type of its own. So the grammar itself is LALR(1).
"""

from __future__ import annotations

from lark import Token

__all__ = ["classify"]

_NESTED_TYPES = 12
_AFTER_CAST = frozenset(
    {"TILDE", "BANG", "_LPAR", "CAST_OPEN", "LAMBDA_OPEN", "NAME", "STRING", "CHAR", "NUMBER", "TRUE", "FALSE", "NULL"}
    | {"_INTERP_OPEN", "PREDEFINED", "_NEW", "_TYPEOF", "_DEFAULT"}
)
_AFTER_GENERIC = frozenset(
    {"_LPAR", "_RPAR", "_RSQB", "_COLON", "_SEMI", "_COMMA", "_DOT", "_QMARK", "EQ", "NE", "NAME", "_LBRACE", "_RBRACE"}
    | {"NULL_DOT", "_LSQB", "_HOLE_CLOSE"}
)
_BEFORE_STATEMENT = frozenset({"_LBRACE", "_RBRACE", "_SEMI", "_RPAR", "_ELSE", "_DO", "_COLON", "_CONST", "_LPAR"})
_AFTER_NULLABLE = frozenset({"_RPAR", "_SEMI", "_COMMA", "_RSQB", "_RBRACE", "COALESCE"})


class _Scan:
    """What may be a type. `end`: the index after it. `marks`: the new token types, by index, if it is one.

    `certain`: it can only be a type.
    """

    __slots__ = ("certain", "end", "marks")

    def __init__(self) -> None:
        self.end = 0
        self.certain = False
        self.marks: list[tuple[int, str]] = []


class _Classifier:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.count = len(tokens)
        self.closing = _pairs(tokens)

    def kind(self, index: int) -> str:
        return self.tokens[index].type if 0 <= index < self.count else ""

    def mark(self, marks: list[tuple[int, str]]) -> None:
        for index, kind in marks:
            self.tokens[index].type = kind

    def scan_type(self, index: int, nullable: bool = True) -> _Scan | None:
        scan = _Scan()
        return scan if self._type(index, scan, nullable, 0) else None

    def _type(self, index: int, scan: _Scan, nullable: bool, depth: int) -> bool:
        if depth > _NESTED_TYPES:
            return False
        if self.kind(index) == "PREDEFINED":
            scan.certain = True
            index += 1
        elif self.kind(index) == "NAME":
            index += 1
            while self.kind(index) == "_DOT" and self.kind(index + 1) == "NAME":
                index += 2
            if self.kind(index) in {"LT", "GEN_OPEN"}:
                if not self._arguments(index, scan, depth):
                    return False
                index = scan.end
        else:
            return False
        scan.end = self._suffixes(index, scan, nullable)
        return True

    def _suffixes(self, index: int, scan: _Scan, nullable: bool) -> int:
        if nullable and self.kind(index) in {"_QMARK", "NULLABLE"}:
            scan.marks.append((index, "NULLABLE"))
            index += 1
        while self.kind(index) == "_LSQB" and self.kind(index + 1) == "_RSQB":
            scan.certain = True
            index += 2
        return index

    def _arguments(self, index: int, scan: _Scan, depth: int) -> bool:
        """Return whether a list of type arguments begins at a `<`, and set `scan.end` to the index after its `>`."""
        scan.marks.append((index, "GEN_OPEN"))
        while True:
            if not self._type(index + 1, scan, True, depth + 1):
                return False
            index = scan.end
            if self.kind(index) != "_COMMA":
                break
        if self.kind(index) not in {"GT", "GEN_CLOSE"}:
            return False
        scan.marks.append((index, "GEN_CLOSE"))
        scan.certain = True
        scan.end = index + 1
        return True

    def open_bracket(self, index: int) -> None:
        close = self.closing.get(index)
        if close is not None and self.kind(close + 1) == "ARROW":
            if self.kind(index - 1) != "NAME":
                self.tokens[index].type = "LAMBDA_OPEN"
            return
        if self.kind(index - 1) in {"NAME", "GEN_CLOSE", "_RSQB"} | _KEYWORD_BRACKETS:
            return
        scan = self.scan_type(index + 1)
        if scan is None or scan.end != close:
            return
        if scan.certain or self.kind(close + 1) in _AFTER_CAST:
            self.tokens[index].type = "CAST_OPEN"
            self.mark(scan.marks)

    def less_than(self, index: int) -> None:
        """Mark a `<` after a name if it opens type arguments, as the token after their `>` shows."""
        scan = _Scan()
        if self.kind(index - 1) == "NAME" and self._arguments(index, scan, 0) and self.kind(scan.end) in _AFTER_GENERIC:
            self.mark(scan.marks)

    def type_after(self, index: int) -> None:
        """Mark the type after `new`, `as` or `is`. A question mark is part of it only if it cannot be an operator."""
        scan = self.scan_type(index + 1)
        if scan is None:
            return
        if scan.marks and scan.marks[-1][1] == "NULLABLE" and self.kind(scan.end) not in _AFTER_NULLABLE:
            scan.marks.pop()
        self.mark(scan.marks)

    def declares(self, index: int) -> str | None:
        """Return whether a variable (`DECL`) or a local function (`FUNCTION`) is declared here, or None."""
        if index and self.kind(index - 1) not in _BEFORE_STATEMENT:
            return None
        if self.kind(index - 1) == "_LPAR" and self.kind(index - 2) not in {"_FOR", "_USING"}:
            return None
        scan = self.scan_type(index)
        if scan is None or self.kind(scan.end) != "NAME":
            return None
        following, found = self.kind(scan.end + 1), None
        if following in {"ASSIGN", "_SEMI", "_COMMA"}:
            found = "DECL"
        elif following == "_LPAR" and self.kind(self.closing.get(scan.end + 1, -2) + 1) in {"_LBRACE", "ARROW"}:
            found = "FUNCTION"
        if found is not None:
            self.mark(scan.marks)
        return found

    def run(self) -> list[Token]:
        found: list[Token] = []
        for index, token in enumerate(self.tokens):
            declared = self.declares(index) if token.type in {"NAME", "PREDEFINED"} else None
            if declared is not None:
                found.append(Token(declared, "", token.start_pos, token.line, token.column))
            elif token.type == "_LPAR":
                self.open_bracket(index)
            elif token.type == "LT":
                self.less_than(index)
            elif token.type in {"_NEW", "_AS", "_IS", "_OUT"}:
                self.type_after(index)
            elif (
                token.type == "_DEFAULT"
                and self.kind(index + 1) == "_COLON"
                and self.kind(index - 1) in _BEFORE_STATEMENT
            ):
                token.type = "DEFAULT_LABEL"
            found.append(token)
        return _with_shifts(found)


_KEYWORD_BRACKETS = frozenset(
    {"_IF", "_FOR", "_FOREACH", "_USING", "_WHILE", "_UNCHECKED", "_SWITCH", "_CATCH", "_TYPEOF", "_DEFAULT"}
)


def _pairs(tokens: list[Token]) -> dict[int, int]:
    """Return the index of the closing round bracket by the index of its opening one."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.type == "_LPAR":
            opened.append(index)
        elif token.type == "_RPAR" and opened:
            pairs[opened.pop()] = index
    return pairs


def _with_shifts(tokens: list[Token]) -> list[Token]:
    """Merge two adjacent `>` that do not close type arguments to the shift operator, and `>` and `>=` to `>>=`."""
    found: list[Token] = []
    for token in tokens:
        last = found[-1] if found else None
        if (
            last is not None
            and last.type == "GT"
            and token.type in ("GT", "GE")
            and last.start_pos is not None
            and token.start_pos == last.start_pos + 1
        ):
            found[-1] = _merged(last, token)
            continue
        found.append(token)
    return found


def _merged(first: Token, second: Token) -> Token:
    """Return the token `>>`, or `>>=` if the second is `>=`."""
    kind = "SHR" if second.type == "GT" else "ASSIGN_OP"
    return Token(kind, f"{first}{second}", first.start_pos, first.line, first.column, end_pos=second.end_pos)


def classify(tokens: list[Token]) -> list[Token]:
    """Return the tokens with ambiguous ones marked and a zero-width `DECL` before each declaration."""
    return _Classifier(tokens).run()
