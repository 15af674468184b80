"""Arithmetic, comparison, text and casts as C# has them."""

from __future__ import annotations

import ctypes
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.provision.local.apim.expressions.harness import context, fails, refused, text, value

INTS = st.integers(-(2**31), 2**31 - 1)
LONGS = st.integers(-(2**63), 2**63 - 1)


def literal(number: int, suffix: str = "") -> str:
    """A C# literal; the least int and long have none of their own."""
    return f"({number + 1}{suffix} - 1)" if number < 0 else f"{number}{suffix}"


@given(INTS, INTS, st.sampled_from("+-*"))
def test_int_arithmetic_wraps_at_32_bits(a: int, b: int, sign: str) -> None:
    exact = {"+": a + b, "-": a - b, "*": a * b}[sign]
    assert value(f"{literal(a)} {sign} {literal(b)}") == ctypes.c_int32(exact).value


@given(LONGS, LONGS, st.sampled_from("+-*"))
def test_long_arithmetic_wraps_at_64_bits(a: int, b: int, sign: str) -> None:
    exact = {"+": a + b, "-": a - b, "*": a * b}[sign]
    assert value(f"{literal(a, 'L')} {sign} {literal(b, 'L')}") == ctypes.c_int64(exact).value


@given(INTS, INTS.filter(lambda number: number not in (0, -1)))
def test_integer_division_truncates_towards_zero_and_the_remainder_takes_the_dividends_sign(a: int, b: int) -> None:
    assert value(f"{literal(a)} / {literal(b)}") == math.trunc(a / b)
    assert value(f"{literal(a)} % {literal(b)}") == int(math.fmod(a, b))


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_a_doubles_text_reads_back_as_the_same_double(number: float) -> None:
    assert float(text('(double)context.Variables["x"]', context(x=number))) == number


@given(INTS, st.integers(0, 31))
def test_shifts_work_on_32_bits(a: int, by: int) -> None:
    assert value(f"{literal(a)} << {by}") == ctypes.c_int32(a << by).value
    assert value(f"{literal(a)} >> {by}") == a >> by


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("7 / 2.0", "3.5"),
        ("int.MaxValue + 1", "-2147483648"),
        ("int.MaxValue + 1L", "2147483648"),
        ('1 + 2 + "a" + 1 + 2', "3a12"),
        ("\"a\" + null + true + 'c' + 1.0", "aTruec1"),
        ("'a' + 1", "98"),
        ("(char)('a' + 1)", "b"),
        ("'a' < 'b'", "True"),
        ("1.0 / 0", "Infinity"),
        ("0.0 / 0", "NaN"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("0.1f", "0.1"),
        ("1e15", "1E+15"),
        ("123456789012.5", "123456789012.5"),
        ("0.00001", "1E-05"),
        ("1.10m + 1", "2.10"),
        ("(int)3.99", "3"),
        ("(int)-3.99", "-3"),
        ("(byte)300", "44"),
        ("(long)5 / 2", "2"),
        ("~5 & 0xF | 0x10 ^ 1", "27"),
        ("true ^ true", "False"),
        ("5 == 5.0", "True"),
        ("5L.Equals(5)", "False"),
        ('"a" == "A"', "False"),
        ("1 < 2 && !(2 < 1) || false", "True"),
        ("2 + 3 * 4 - 6 / 2", "11"),
        ("-2147483648", "-2147483648"),
        ("0b101 + 1_000", "1005"),
        ('(string)null ?? "d"', "d"),
        ("true ? 1 : 2.5", "1"),
        ("default(int) + default(string)", "0"),
        ("typeof(string).Name", "String"),
        ("nameof(context.Request.Body)", "Body"),
    ],
)
def test_operators_give_what_csharp_gives(expression: str, expected: str) -> None:
    assert text(expression) == expected


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("1 / (1 - 1)", "DivideByZeroException"),
        ("1 % (1 - 1)", "DivideByZeroException"),
        ("1m / 0m", "DivideByZeroException"),
        ("((string)null).Length", "NullReferenceException"),
        ('(int)context.Variables["text"]', "InvalidCastException"),
        ('(int)context.Variables["long"]', "InvalidCastException"),
        ('(string)context.Variables["number"]', "InvalidCastException"),
        ('(int)context.Variables["nothing"]', "NullReferenceException"),
        ('(bool)context.Variables["text"]', "InvalidCastException"),
        ('context.Variables["absent"]', "KeyNotFoundException"),
        ('int.Parse("4x")', "FormatException"),
        ('int.Parse("99999999999")', "OverflowException"),
        ("int.Parse(null)", "ArgumentNullException"),
        ('bool.Parse("yes")', "FormatException"),
        ("new[]{1}[1]", "IndexOutOfRangeException"),
        ('"abc".Substring(4)', "ArgumentOutOfRangeException"),
    ],
)
def test_what_csharp_throws_ends_the_evaluation(expression: str, kind: str) -> None:
    long = value("5L")
    assert fails(expression, context(text="7", number=5, nothing=None, long=long)) == kind


def test_a_literal_variable_stays_text_while_a_boxed_int_unboxes() -> None:
    assert value('(int)context.Variables["n"] + 1', context(n=5)) == 6
    assert fails('(int)context.Variables["n"]', context(n="5")) == "InvalidCastException"


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ('context.Variables["a"] + 1', "cannot be applied to operands of type 'object' and 'int'"),
        ('context.Variables["a"] == 1', "cannot be applied"),
        ('context.Variables["a"].Length', "does not contain a definition for 'Length'"),
        ("1 && true", "Cannot implicitly convert type 'int' to 'bool'"),
        ('"a" - "b"', "cannot be applied"),
        ('"a" * 2', "cannot be applied"),
        ("(string)5", "Cannot convert type 'int' to 'string'"),
        ('(int)"5"', "Cannot convert type 'string' to 'int'"),
        ("1 ? 2 : 3", "Cannot implicitly convert"),
        ('true ? 1 : "a"', "Type of conditional expression cannot be determined"),
        ('"a".Substring("1")', "cannot convert from 'string' to 'int'"),
        ('"a".Nope()', "does not contain a definition for 'Nope'"),
        ('"a".Substring(1, 2, 3)', "No overload"),
        ("context.Request.Nope", "does not contain a definition"),
        ("nope", "does not exist in the current context"),
        ("5 as int", "must be used with a reference type"),
        ("99999999999999999999", "too large"),
        ("'ab'", "constant"),
    ],
)
def test_what_the_compiler_refuses_is_refused_when_stored(expression: str, part: str) -> None:
    assert part in refused(expression)


def test_a_json_token_never_equals_text_without_a_cast() -> None:
    body = "context.Request.Body.As<JObject>(true)"
    assert value(f'{body}["model"] == "gpt-4o"') is False
    assert value(f'(string){body}["model"] == "gpt-4o"') is True
