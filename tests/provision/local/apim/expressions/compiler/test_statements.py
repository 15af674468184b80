"""Multi-statement expressions."""

from __future__ import annotations

import pytest

from tests.provision.local.apim.expressions.harness import fails, refused, text, value

CASES = {
    "for sums": ("int s = 0; for (int i = 0; i < 5; i++) { s += i; } return s;", "10"),
    "for with two counters": (
        'var s = ""; for (int i = 0, j = 3; i < j; i++, j--) { s += i + "" + j; } return s;',
        "0312",
    ),
    "while with break and continue": (
        "int i = 0, s = 0; while (true) { i++; if (i > 6) break; if (i % 2 == 0) continue; s += i; } return s;",
        "9",
    ),
    "do runs once": ("int i = 0; do { i++; } while (i < 0); return i;", "1"),
    "foreach over text": ('var s = ""; foreach (var c in "abc") { s = c + s; } return s;', "cba"),
    "foreach over a dictionary": (
        'var s = ""; foreach (var p in new Dictionary<string,int>{{"a",1}}) { s += p.Key + p.Value; } return s + 2;',
        "a12",
    ),
    "foreach over properties": (
        'var s = ""; foreach (var p in JObject.FromObject(new { a = 1 })) { s += p.Key + p.Value; } return s;',
        "a1",
    ),
    "switch with shared labels": (
        'switch (3) { case 1: return "a"; case 2: case 3: return "b"; default: return "c"; }',
        "b",
    ),
    "switch on text with break": (
        'var r = 0; switch ("x") { case "x": r = 1; break; default: r = 2; break; } return r;',
        "1",
    ),
    "try catches by type": (
        'try { int.Parse("x"); }catch (OverflowException) {} catch (FormatException e) { return e.Message; } return 1;',
        "Input string was not in a correct format.",
    ),
    "catch by base type": (
        "try { object o = null; return o.ToString(); } catch (Exception e) { return e.GetType().Name; }",
        "NullReferenceException",
    ),
    "finally always runs": (
        'var s = ""; try { try { throw new Exception("x"); } finally { s += "f"; } } catch { s += "c"; } return s;',
        "fc",
    ),
    "throw again": (
        'try { try { throw new ArgumentException("x"); } catch (Exception) { throw; } } catch (ArgumentException e) '
        "{ return e.Message; }",
        "x",
    ),
    "inner exception": (
        'try { throw new Exception("a", new Exception("b")); } catch (Exception e) '
        "{ return e.InnerException.Message; }",
        "b",
    ),
    "using": ("using (var h = SHA256.Create()) { return h.ComputeHash(new byte[0]).Length; }", "32"),
    "typed locals widen": ("double d = 1; long l = 2; return d / l;", "0.5"),
    "compound assignment narrows": ("byte b = 250; b += 10; return b;", "4"),
    "increments": ('int i = 1; int j = i++ + ++i; return i + "/" + j;', "3/4"),
    "out variables": ('int n; if (int.TryParse("12", out n)) { return n + 1; } return 0;', "13"),
    "out var": ('return int.TryParse("zz", out var n) ? n : -1;', "-1"),
    "is with a name": ('object o = "abc"; if (o is string s && s.Length == 3) { return s; } return "";', "abc"),
    "as": ("object o = 5; var s = o as string; return s == null;", "True"),
    "null-conditional skips the rest": ("string s = null; return s?.Trim().Length ?? -1;", "-1"),
    "delegates": (
        "Func<int, int> twice = n => n * 2; Func<int, int> f = n => { var m = twice(n); return m + 1; }; return f(4);",
        "9",
    ),
    "arrays": (
        'int[] a = { 3, 1, 2 }; a[0] = 9; var b = new string[2]; b[1] = "x"; return a[0] + b[1] + (b[0] == null);',
        "9xTrue",
    ),
    "anonymous objects": ('var x = new { A = 1, B = new { C = "c" } }; return x.A + x.B.C;', "1c"),
    "object initialiser": (
        'var o = new JObject { ["a"] = 1, { "b", "x" } }; return o.ToString(Formatting.None);',
        '{"a":1,"b":"x"}',
    ),
    "interpolation": (
        'var n = 7; return $"{n:D3}|{n,4}|{n,-4}|{(n > 5 ? "big" : "small")}|{{}}";',
        "007|   7|7   |big|{}",
    ),
    "nested interpolation": ('return $"a{$"b{1 + 1}"}c";', "ab2c"),
    "verbatim": ('return @"a""b\\c" + $@"{1}\\";', 'a"b\\c1\\'),
    "local functions": (
        "var r = Twice(4); int Twice(int n) => n * 2; "
        "void Add(int n) { if (n > 9) return; r += n; } Add(1); Add(10); return r;",
        "9",
    ),
    "recursion keeps each call's locals": (
        "int Fib(int n) { var a = n; if (n < 2) { return n; } "
        "var x = Fib(n - 1); return x + Fib(a - 2); } return Fib(10);",
        "55",
    ),
    "unchecked": ("unchecked { int x = int.MaxValue; x += 1; return x; }", "-2147483648"),
    "constants fit narrower types": ("const uint l = 60 * 20; const long t = 5; return l + t;", "1205"),
    "XML names": (
        'XNamespace n = "urn:x"; var e = new XElement(n + "a", new XElement(n + "b", "t")); '
        'return e.Element(e.Name.Namespace + "b").Value + e.Name.LocalName;',
        "ta",
    ),
    "comments": ("/* a */ var x = 1; // b\n return x;", "1"),
    "generic ambiguity": ("int a = 1, b = 2; var c = a < b; return c && (a > 0);", "True"),
    "cast of a group": ("var x = (int)(2.5 * 2); return (x) - 1;", "4"),
    "shadowing in sibling scopes": ("var s = 0; { var t = 1; s += t; } { var t = 2; s += t; } return s;", "3"),
}


@pytest.mark.parametrize("name", CASES)
def test_statements_run_as_in_csharp(name: str) -> None:
    code, expected = CASES[name]
    assert text("@{ " + code + " }") == expected


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("var x = 1;", "Not all code paths return a value"),
        ("if (true) { return 1; }", "Not all code paths return a value"),
        ("return;", "must return a value"),
        ("var x; return 1;", "must be initialized"),
        ("var x = null; return 1;", "Cannot assign null"),
        ('int x = "a"; return x;', "cannot convert from 'string' to 'int'"),
        ("string s = 5; return s;", "cannot convert from 'int' to 'string'"),
        ("int x = 1; int x = 2; return x;", "already defined"),
        ("x = 1; return x;", "does not exist"),
        ("1 + 1; return 1;", "Only assignment"),
        ('context.Variables["a"] = 1; return 1;', "read only"),
        ("switch (1) { case 1: var x = 1; } return 1;", "fall through"),
        ("try { return 1; }", "Expected catch or finally"),
        ("goto x; return 1;", "keyword 'goto' is not allowed"),
        ("File x = null; return x;", "could not be found"),
        ('return System.IO.File.ReadAllText("x");', "could not be found"),
        ("return new System.Net.Http.HttpClient();", "could not be found"),
        ("return typeof(System.Reflection.Assembly);", "could not be found"),
        ('return "".GetType().Assembly;', "does not contain a definition"),
        ("return 1", "Unexpected end"),
        ("return (1;", "Unexpected ';'"),
        ("while (1) { } return 1;", "to 'bool'"),
    ],
)
def test_statements_that_do_not_compile_are_refused(code: str, part: str) -> None:
    assert part in refused("@{ " + code + " }")


def test_an_error_names_its_line_and_column() -> None:
    from provision.local.apim.expressions import ExpressionError, compile_expression

    with pytest.raises(ExpressionError) as caught:
        compile_expression("@{\n  var a = 1;\n  return a.Nope();\n}")
    assert (caught.value.line, caught.value.column) == (3, 11)


def test_an_uncaught_exception_keeps_its_message() -> None:
    assert fails('@{ throw new InvalidOperationException("no"); }') == "InvalidOperationException"


def test_a_lambda_sees_the_variables_around_it() -> None:
    assert (
        value("@{ var n = 2; var l = new[]{1,2,3}.Select(x => { n++; return x * n; }).ToList(); return l.Sum() + n; }")
        == 31
    )
