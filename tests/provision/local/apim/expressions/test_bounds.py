"""Nothing that an author or a caller writes keeps the gateway busy, grows without end, or escapes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.local.apim.context import PolicyContext
from provision.local.apim.expressions import EvaluationError, ExpressionError, Limits, compile_expression, to_text
from provision.local.apim.expressions.limits import MAX_SOURCE
from tests.provision.local.apim.expressions.harness import context, fails, refused

SMALL = Limits(steps=20_000, memory=1_000_000)

ENDLESS = {
    "while": "@{ while (true) { } return 1; }",
    "for": "@{ for (;;) { } }",
    "do": "@{ do { var x = 1; } while (true); return 1; }",
    "foreach that grows": "@{ var l = new List<int>{1}; for (int i = 0; true; i++) { l.Add(i); } }",
    "recursion": "@{ Func<int, int> f = null; f = n => f(n + 1); return f(0); }",
    "mutual recursion": "@{ Func<int, int> f = null; Func<int, int> g = n => f(n); f = n => g(n); return f(0); }",
    "doubling text": '@{ var s = "ab"; while (true) { s += s; } }',
    "doubling lists": "@{ var l = new List<int>{1}; while (true) { l.AddRange(l.ToList()); } }",
    "doubling trees": "@{ var t = new JArray(1); while (true) { t = new JArray(t, t); } }",
    "nesting trees": '@{ var t = new JObject(); while (true) { t = new JObject(new JProperty("a", t)); } }',
    "pad": '@("a".PadRight(1000000000))',
    "new string": "@(new string('a', 1000000000))",
    "new array": "@(new int[1000000000])",
    "format width": '@(string.Format("{0,999999999}", 1))',
    "number format": '@((1.5).ToString("F999999999"))',
    "interpolation width": '@($"{1,999999999}")',
    "range": "@(Enumerable.Range(0, 1000000000).Count())",
    "nested ranges": "@(Enumerable.Range(0, 5000).SelectMany(a => Enumerable.Range(0, 5000)).Count())",
    "builder": '@{ var b = new StringBuilder(); while (true) { b.Append("aaaaaaaaaaaaaaaa", 1000); } }',
    "replace": "@(new string('a', 4000).Replace(\"a\", new string('b', 40000)).Length)",
    "join": "@(string.Join(new string('x', 100000), Enumerable.Range(0, 1000)))",
    "catch cannot hold it": "@{ try { while (true) { } } catch (Exception) { } finally { } return 1; }",
    "finally cannot hold it": "@{ try { return 1; } finally { while (true) { } } }",
    "regex exponential": '@(Regex.IsMatch(new string(\'a\', 60) + "!", "^(a+)+$"))',
    "regex alternation": "@(Regex.IsMatch(new string('a', 60), \"^(a|aa)+b$\"))",
    "regex polynomial": "@(Regex.IsMatch(new string('a', 3000), \".*.*.*.*b\"))",
    "regex lazy": "@(Regex.IsMatch(new string('a', 5000), \"(.*?){1,900}b\"))",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_would_never_end_or_grow_for_ever_ends_in_an_error(name: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        compile_expression(ENDLESS[name], limits=SMALL).evaluate(context())
    assert caught.value.kind in ("BudgetExceeded", "RegexMatchTimeoutException")


def test_the_whole_budget_is_spent_within_seconds() -> None:
    began = time.process_time()
    with pytest.raises(EvaluationError):
        compile_expression(ENDLESS["while"]).evaluate(context())
    assert time.process_time() - began < 5


DEEP = {
    "brackets": "@(" + "(" * 500 + "1" + ")" * 500 + ")",
    "negations": "@(" + "!" * 5000 + "true)",
    "minus": "@(" + "- " * 5000 + "1)",
    "casts": "@(" + "(object)" * 3000 + "1)",
    "ternaries": "@(" + "true ? 1 : " * 2000 + "1)",
    "blocks": "@{" + "{" * 500 + "}" * 500 + "return 1; }",
    "ifs": "@{" + "if (true) " * 2000 + "return 1; return 2; }",
    "lambdas": "@(" + "x => " * 2000 + "1)",
    "initialisers": "@(" + "new[]{" * 500 + "1" + "}" * 500 + ")",
    "comparisons": "@(" + "1 < " * 3000 + "1)",
    "generics": "@(new " + "List<" * 500 + "int" + ">" * 500 + "())",
    "interpolations": "@(" + '$"{' * 500 + "1" + '}"' * 500 + ")",
    "members": "@(context" + ".Request" * 3000 + ")",
    "length": '@("' + "a" * MAX_SOURCE + '")',
    "tokens": "@(" + "1+" * 10_000 + "1)",
}


@pytest.mark.parametrize("name", DEEP)
def test_text_too_deep_or_too_long_is_refused(name: str) -> None:
    assert refused(DEEP[name]) != ""


def test_long_chains_that_are_not_deep_run() -> None:
    sums = "@(" + "1 + " * 2000 + "1)"
    texts = "@(" + '"a" + ' * 2000 + '"b")'
    calls = '@("aaaa"' + '.Replace("a", "b")' * 100 + ")"
    assert compile_expression(sums).evaluate(context()) == 2001
    assert len(str(compile_expression(texts).evaluate(context()))) == 2001
    assert compile_expression(calls).evaluate(context()) == "bbbb"


def test_a_body_nested_deeper_than_newtonsoft_allows_is_not_read() -> None:
    body = b'{"a":' * 100 + b"1" + b"}" * 100
    assert fails("context.Request.Body.As<JObject>(true)", context(body=body)) == "JsonReaderException"


WORDS = """context . Request Body As<JObject> ( ) [ ] { } "a" 'c' 1 2.5 null + - * / == && ? : ?? ?. => x var
new JObject int string ; , return if foreach in $"{ }" @" < > ! Parse ToString switch case out is as
throw try catch \\ é 😀 // /* Variables Select \x00"""
PIECES = st.sampled_from(WORDS.split())


def outcome(source: str, on: PolicyContext | None = None) -> str:
    """`ok`, `refused`, or the kind of exception; anything but our own errors comes through."""
    try:
        to_text(compile_expression(source, limits=SMALL).evaluate(context() if on is None else on))
    except ExpressionError as failure:
        return "refused" if failure.line >= 1 and failure.column >= 1 else "misplaced"
    except EvaluationError as failure:
        return failure.kind
    return "ok"


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40), st.sampled_from([("@(", ")"), ("@{", "}"), ("", "")]), st.sampled_from(["", " "]))
def test_garbage_raises_nothing_but_our_own_errors(pieces: list[str], frame: tuple[str, str], glue: str) -> None:
    assert outcome(frame[0] + glue.join(pieces) + frame[1]) not in ("Internal", "misplaced")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_at_all_is_refused_or_runs(source: str) -> None:
    assert outcome(f"@({source})") not in ("Internal", "misplaced")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab|()*+?[]^$.{}12,\\dw<>=!:-", max_size=14), st.text(alphabet="ab1-", max_size=12))
def test_any_pattern_matches_or_is_refused(pattern: str, subject: str) -> None:
    code = '@(Regex.IsMatch((string)context.Variables["s"], (string)context.Variables["p"]))'
    ends = outcome(code, context(p=pattern, s=subject))
    assert ends in ("ok", "ArgumentException", "BudgetExceeded", "RegexMatchTimeoutException")
