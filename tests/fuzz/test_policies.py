"""Damaged policy documents and expressions: compiled and run, or refused; nothing else is raised."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from provision.local.apim.expressions import EvaluationError, ExpressionError, Limits, compile_expression, to_text
from provision.local.apim.policies import PolicyError, compile_document
from tests.fuzz.budget import bounded, fuzzed
from tests.fuzz.damage import damage_bytes
from tests.provision.local.apim.expressions.harness import context
from tripcurve.lab import POLICIES
from tripcurve.shipped import shipped_folder

DOCUMENTS = [path.read_bytes() for path in sorted(Path(str(shipped_folder(POLICIES))).glob("*.xml"))]
SMALL = Limits(steps=20_000, memory=1_000_000)
EXPRESSIONS = [
    '@(context.Request.Headers.GetValueOrDefault("Api-Key", "none").Substring(0, 1))',
    '@(((JObject)context.Response.Body.As<JObject>(true)["error"])["code"].ToString())',
    '@{ var a = new List<int>(); for (int i = 0; i < 9; i++) { a.Add(i * 2); } return string.Join(",", a); }',
    '@(Regex.Replace("a1b22", "[0-9]+", m => "<" + m.Value + ">"))',
    '@(DateTime.UtcNow.AddSeconds(5).ToString("yyyy-MM-ddTHH:mm:ssZ"))',
    '@($"{context.Response.StatusCode,5:D} {Math.Max(1, 2)} {(double)7 / 2:F2}")',
    '@{ try { return int.Parse("x"); } catch (FormatException e) { return e.Message.Length; } finally { } }',
    '@(new JObject(new JProperty("a", new JArray(1, 2, 3).Select(x => (int)x * 2))).ToString())',
    '@(context.Variables.ContainsKey("x") ? (string)context.Variables["x"] : Guid.NewGuid().ToString("N"))',
    "@(Convert.ToBase64String(Encoding.UTF8.GetBytes(\"é\".PadLeft(7, 'x'))).Split('=')[0])",
]
PIECES = [
    *"(){}[]\"'@.,;:?<>=!&|+-*/%~\\",
    "=>",
    "??",
    "?.",
    "as",
    "is",
    "new",
    "null",
    "while(true)",
    "1e999",
    "0x",
    "'''",
]


@fuzzed
@given(st.sampled_from(DOCUMENTS), st.integers(0, 2**32))
def test_damaged_documents_are_compiled_or_refused(document: bytes, seed: int) -> None:
    text = damage_bytes(document, random.Random(seed)).decode("utf-8", "replace")
    with bounded():
        try:
            compile_document(text)
        except PolicyError:
            pass


@fuzzed
@given(st.sampled_from(EXPRESSIONS), st.lists(st.tuples(st.integers(0, 200), st.sampled_from(PIECES)), max_size=4))
def test_damaged_expressions_end_in_a_value_or_an_error(expression: str, changes: list[tuple[int, str]]) -> None:
    for at, piece in changes:
        cut = at % len(expression)
        expression = expression[:cut] + piece + expression[cut + (at % 3) :]
    with bounded():
        try:
            to_text(compile_expression(expression, limits=SMALL).evaluate(context()))
        except (ExpressionError, EvaluationError):
            pass
