"""Splits text into C# tokens. An interpolated string becomes several, so that it may contain expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lark import Token

from provision.local.apim.expressions.errors import ExpressionError
from provision.local.apim.expressions.limits import MAX_DEPTH, MAX_TOKENS

__all__ = ["KEYWORDS", "tokenize", "unescape"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEYWORDS = _words(
    "as bool break byte case catch char const continue decimal default do double else false finally float for "
    "foreach if in int is long new null object out ref return sbyte short string switch throw true try typeof uint "
    "ulong unchecked ushort using void while"
)
PREDEFINED = _words("bool byte char decimal double float int long object sbyte short string uint ulong ushort void")
_REFUSED = _words(
    "abstract base checked class delegate enum event explicit extern fixed goto implicit interface internal lock "
    "namespace operator override private protected public readonly sealed sizeof stackalloc static struct this "
    "unsafe virtual volatile"
)

_PUNCTUATION = {
    "??": "COALESCE", "?.": "NULL_DOT", "?[": "NULL_INDEX", "=>": "ARROW", "&&": "AND", "||": "OR", "==": "EQ",
    "!=": "NE", "<=": "LE", ">=": "GE", "<<": "SHL", "++": "INC", "--": "DEC", "+=": "ASSIGN_OP", "-=": "ASSIGN_OP",
    "*=": "ASSIGN_OP", "/=": "ASSIGN_OP", "%=": "ASSIGN_OP", "|=": "ASSIGN_OP", "&=": "ASSIGN_OP", "^=": "ASSIGN_OP",
    "<<=": "ASSIGN_OP",
    "(": "_LPAR", ")": "_RPAR", "[": "_LSQB", "]": "_RSQB", "{": "_LBRACE", "}": "_RBRACE", ",": "_COMMA",
    ";": "_SEMI", ":": "_COLON", "?": "_QMARK", ".": "_DOT", "+": "PLUS", "-": "MINUS", "*": "STAR", "/": "SLASH",
    "%": "PERCENT", "!": "BANG", "~": "TILDE", "&": "BIT_AND", "|": "BIT_OR", "^": "BIT_XOR", "<": "LT", ">": "GT",
    "=": "ASSIGN",
}  # fmt: skip
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<interp>\$@"|@\$"|\$")
      | (?P<verbatim>@"(?:[^"]|"")*")
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<char>'(?:[^'\\\n]|\\[^\n]{1,9}?)')
      | (?P<number>0[xX][0-9a-fA-F_]+[uUlL]{0,2}|0[bB][01_]+[uUlL]{0,2}
          |(?:\d[\d_]*)?\.\d[\d_]*(?:[eE][+-]?\d+)?[fFdDmM]?|\d[\d_]*(?:[eE][+-]?\d+[fFdDmM]?|[fFdDmM]|[uUlL]{0,2}))
      | (?P<name>@?[^\W\d]\w*)
      | (?P<op>\?\?|\?\.(?!\d)|\?\[|=>|&&|\|\||==|!=|<<=|<=|>=|<<|\+\+|--|[-+*/%|&^]=|[()\[\]{},;:?.+\-*/%!~&|^<>=])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{1,4})|(.))", re.DOTALL)


def unescape(text: str) -> str:
    """Return the text with C#'s escapes replaced. Raises ValueError for an unknown escape."""

    def value(found: re.Match[str]) -> str:
        hexadecimal = found[1] or found[2] or found[3]
        if hexadecimal is not None:
            return chr(int(hexadecimal, 16))
        if found[4] in "\"'\\":
            return found[4]
        if found[4] not in _ESCAPES:
            raise ValueError(f"Unrecognized escape sequence \\{found[4]}")
        return _ESCAPES[found[4]]

    return _ESCAPE.sub(value, text)


@dataclass(slots=True)
class _Hole:
    """An open `{…}` in an interpolated string. `depth`: the number of open brackets. `verbatim`: the string has `@`."""

    depth: int
    verbatim: bool


class _Tokenizer:
    """Reads the text once and collects its tokens. Their `line` and `column` count from 1."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.position, self.end = text, start, end
        self.line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.line = 0
        self.tokens: list[Token] = []
        self.depth = 0
        self.holes: list[_Hole] = []

    def error(self, message: str) -> ExpressionError:
        line, column = self.place(self.position)
        return ExpressionError(message, line, column)

    def place(self, position: int) -> tuple[int, int]:
        while self.line + 1 < len(self.line_starts) and self.line_starts[self.line + 1] <= position:
            self.line += 1
        return self.line + 1, position - self.line_starts[self.line] + 1

    def emit(self, kind: str, value: str, position: int) -> None:
        line, column = self.place(position)
        self.tokens.append(Token(kind, value, position, line, column, end_pos=position + len(value)))
        if len(self.tokens) > MAX_TOKENS:
            raise self.error(f"Expression has more than {MAX_TOKENS} tokens")

    def run(self) -> list[Token]:
        while self.position < self.end:
            found = _TOKEN.match(self.text, self.position, self.end)
            if found is None:
                raise self.error(self.unreadable())
            kind = found.lastgroup or ""
            if kind == "op" and self.in_hole_end(found[0]):
                continue
            getattr(self, f"take_{kind}")(found[0], found.start())
            self.position = max(self.position, found.end())
        if self.holes:
            raise self.error("Unterminated interpolated string")
        return self.tokens

    def unreadable(self) -> str:
        sign = self.text[self.position]
        return "Newline or end of text in constant" if sign in "\"'@" else f"Unexpected character '{sign}'"

    def take_space(self, value: str, at: int) -> None:
        """Skip blanks and comments."""

    def take_verbatim(self, value: str, at: int) -> None:
        self.emit("STRING", value, at)

    take_string = take_verbatim

    def take_char(self, value: str, at: int) -> None:
        self.emit("CHAR", value, at)

    def take_number(self, value: str, at: int) -> None:
        self.emit("NUMBER", value, at)

    def take_name(self, value: str, at: int) -> None:
        if value in _REFUSED:
            raise self.error(f"The keyword '{value}' is not allowed in a policy expression")
        if value in KEYWORDS:
            kind = "PREDEFINED" if value in PREDEFINED else value.upper()
            self.emit(kind if kind in {"PREDEFINED", "TRUE", "FALSE", "NULL"} else f"_{kind}", value, at)
        else:
            self.emit("NAME", value.removeprefix("@"), at)

    def take_op(self, value: str, at: int) -> None:
        if value in "([{" or value == "?[":
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.error(f"Expression is nested deeper than {MAX_DEPTH} brackets")
        elif value in ")]}":
            self.depth -= 1
        self.emit(_PUNCTUATION[value], value, at)

    def take_interp(self, value: str, at: int) -> None:
        self.emit("_INTERP_OPEN", value, at)
        self.position = at + len(value)
        self.interpolated_text("@" in value)

    def in_hole_end(self, value: str) -> bool:
        """If `}` or `:` ends the expression in a `{…}`, read on to the string's next `{` or end, and return True."""
        if not self.holes or self.depth != self.holes[-1].depth or value not in {"}", ":"}:
            return False
        hole = self.holes[-1]
        if value == ":":
            close = self.text.find("}", self.position, self.end)
            if close < 0:
                raise self.error("Unterminated interpolated string")
            self.emit("FORMAT", self.text[self.position + 1 : close], self.position)
            self.position = close
        self.emit("_HOLE_CLOSE", "}", self.position)
        self.position += 1
        self.holes.pop()
        self.depth -= 1
        self.interpolated_text(hole.verbatim)
        return True

    def interpolated_text(self, verbatim: bool) -> None:
        """Read the literal text from the current position to the next `{…}` or the closing quote."""
        start, parts = self.position, []
        while self.position < self.end:
            sign = self.text[self.position]
            pair = self.text[self.position : self.position + 2]
            if pair in {"{{", "}}"} or (verbatim and pair == '""'):
                parts.append(sign)
                self.position += 2
            elif sign == '"':
                self.emit("INTERP_TEXT", "".join(parts), start)
                self.emit("_INTERP_CLOSE", sign, self.position)
                self.position += 1
                return
            elif sign == "{":
                self.emit("INTERP_TEXT", "".join(parts), start)
                self.open_hole(verbatim)
                return
            else:
                parts.append(self.one_character(verbatim))
        raise self.error("Unterminated interpolated string")

    def open_hole(self, verbatim: bool) -> None:
        self.emit("_HOLE_OPEN", "{", self.position)
        self.position += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"Expression is nested deeper than {MAX_DEPTH} brackets")
        self.holes.append(_Hole(self.depth, verbatim))

    def one_character(self, verbatim: bool) -> str:
        sign = self.text[self.position]
        if sign == "}" or (sign == "\n" and not verbatim):
            raise self.error(f"Unexpected {sign!r} in an interpolated string")
        if sign != "\\" or verbatim:
            self.position += 1
            return sign
        found = _ESCAPE.match(self.text, self.position, self.end)
        if found is None:
            raise self.error("Unrecognized escape sequence")
        try:
            text = unescape(found[0])
        except (ValueError, OverflowError) as failure:
            raise self.error(str(failure)) from failure
        self.position = found.end()
        return text


def tokenize(text: str, start: int, end: int) -> list[Token]:
    """Return the tokens of `text[start:end]`, with line and column in the whole text. Raises ExpressionError."""
    return _Tokenizer(text, start, end).run()
