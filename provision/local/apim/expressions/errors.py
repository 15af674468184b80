"""The errors of expressions: of compilation, of evaluation, and those that an expression itself may catch."""

from __future__ import annotations

__all__ = ["EvaluationError", "ExpressionError", "Thrown", "is_kind_of", "known_exceptions", "null_reference"]


class ExpressionError(Exception):
    """Raised for a text that cannot be compiled. `line` and `column` are in that text, from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class EvaluationError(Exception):
    """Raised if evaluation ends without a value: by an uncaught C# exception, or because its budget is spent.

    `kind`: the C# exception's name, or `BudgetExceeded`, which an expression cannot catch.
    """

    def __init__(self, message: str, kind: str = "Exception") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


class Thrown(Exception):
    """A C# exception that a `catch` in the same expression may handle."""

    def __init__(self, kind: str, message: str, inner: Thrown | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.inner = inner


_PARENTS: dict[str, str] = {
    "SystemException": "Exception",
    "ApplicationException": "Exception",
    "NullReferenceException": "SystemException",
    "InvalidCastException": "SystemException",
    "FormatException": "SystemException",
    "ArithmeticException": "SystemException",
    "DivideByZeroException": "ArithmeticException",
    "OverflowException": "ArithmeticException",
    "ArgumentException": "SystemException",
    "ArgumentNullException": "ArgumentException",
    "ArgumentOutOfRangeException": "ArgumentException",
    "IndexOutOfRangeException": "SystemException",
    "KeyNotFoundException": "SystemException",
    "InvalidOperationException": "SystemException",
    "NotSupportedException": "SystemException",
    "UriFormatException": "FormatException",
    "JsonException": "Exception",
    "JsonReaderException": "JsonException",
    "JsonSerializationException": "JsonException",
    "XmlException": "SystemException",
    "CryptographicException": "SystemException",
    "TimeoutException": "SystemException",
    "RegexMatchTimeoutException": "TimeoutException",
}


def known_exceptions() -> tuple[str, ...]:
    """Return the exception types that an expression may name in `catch`, `throw new` and `is`."""
    return ("Exception", *_PARENTS)


def is_kind_of(kind: str, wanted: str) -> bool:
    """Return whether the exception type `kind` is `wanted` or derives from it."""
    current: str | None = kind
    while current is not None and current != wanted:
        current = _PARENTS.get(current)
    return current is not None


def null_reference() -> Thrown:
    return Thrown("NullReferenceException", "Object reference not set to an instance of an object.")
