"""JSON beyond the standard is read as Newtonsoft reads it, and what Newtonsoft refuses is refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.local.apim.expressions.errors import EvaluationError, Thrown
from provision.local.apim.expressions.library.json_reader import read_lenient
from provision.local.apim.expressions.limits import Limits
from provision.local.apim.expressions.runtime.frame import Frame
from tests.provision.local.apim.expressions.harness import context, fails, text

LENIENT = [
    ("{'a':'b'}", {"a": "b"}),
    ("{a: 1, $b_2: 2, é: 3}", {"a": 1, "$b_2": 2, "é": 3}),
    ("""{"it's": 'say "hi"'}""", {"it's": 'say "hi"'}),
    (r"""['it\'s', "\"", '\u00e9\n\/']""", ["it's", '"', "é\n/"]),
    ("/* first */ [1, // one\n 2 /* two */] // last", [1, 2]),
    ("[1, 2,]", [1, 2]),
    ("{'a': {'b': [],},}", {"a": {"b": []}}),
    ("{'a': 'two\nlines'}", {"a": "two\nlines"}),
    ("{'a': 1, 'a': 2}", {"a": 2}),
    ("[0x1F, 017, -1, .5, 1., 1e3, 0]", [31, 15, -1, 0.5, 1.0, 1000.0, 0]),
    ("[Infinity, -Infinity]", [math.inf, -math.inf]),
    ("[9223372036854775807,9223372036854775808,]", [2**63 - 1, 2.0**63]),
    (r"['\ud83d\ude00', '\ud83d']", ["😀", "\ufffd"]),
    ("\u00a0[true,\tfalse,null,]\ufeff"[:-1], [True, False, None]),
]

REFUSED = [
    *("", " ", "// nothing", "{", "[", "[1", "{'a'", "{'a':", "{'a':1", "'a", '"a', "/* a", "'a\\"),
    *(
        "[,]",
        "[1,,2]",
        "{,}",
        "{'a' 1}",
        "[1 2]",
        "{a b: 1}",
        "{-a: 1}",
        "{1.5: 1}",
        "{'a':1}}",
        "[] 1",
        "[1}",
        "{a:1]",
    ),
    *("[tru]", "[True]", "[undefined]", "[-NaN]", "[08]", "[0x]", "[0xg]", "[1-2]", "[--1]", "[1e]", "[.]", "[+1]"),
    *("new Date(1)", r"['\x41']", r"['\u12']", "[1;2]", "(1)", "[0x1ffffffffffffffff]"),
]


@pytest.mark.parametrize(("source", "expected"), LENIENT)
def test_what_newtonsoft_takes_is_read(source: str, expected: object) -> None:
    assert read_lenient(source) == expected


@pytest.mark.parametrize("source", REFUSED)
def test_what_newtonsoft_refuses_is_refused(source: str) -> None:
    with pytest.raises(Thrown) as failure:
        read_lenient(source)
    assert failure.value.kind == "JsonReaderException"


def test_a_refusal_says_where() -> None:
    with pytest.raises(Thrown, match=r"line 2, position 5\.$"):
        read_lenient("{'a': 1,\n'b' 2}")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_strict_json_means_the_same_to_both_readers(value: object, indent: int | None, ascii_only: bool) -> None:
    source = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read_lenient(source) == json.loads(source)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*"{}[]:,'\"\\/*\n a1.-x", "//", "/*", "*/", "null", "\\u00", "\ud800"]), max_size=20))
def test_any_text_is_read_or_refused(pieces: list[str]) -> None:
    source = "".join(pieces)
    assert _kind(source) in (None, "JsonReaderException")


def _kind(source: str) -> str | None:
    try:
        read_lenient(source)
    except Thrown as failure:
        return failure.kind
    return None


@pytest.mark.parametrize("depth", [64, 65])
def test_nesting_is_bounded_as_in_strict_json(depth: int) -> None:
    strict, lenient = ("[" * depth + end + "]" * depth for end in ("", "//\n"))
    kinds = {fails(f"JToken.Parse({json.dumps(source)})") for source in (strict, lenient)}
    assert kinds == ({""} if depth == 64 else {"JsonReaderException"})


@pytest.mark.parametrize(
    "source",
    ["[" + "1," * 400_000, "/**/" * 600_000, "['" + "\\n" * 600_000 + "']", "{a:1," * 300_000, "[" + "\n,1" * 300_000],
    ids=["numbers", "comments", "escapes", "names", "commas"],
)
def test_a_hostile_text_costs_no_more_than_the_budget(source: str) -> None:
    frame = Frame(context(), 0, Limits(), True)
    with pytest.raises((EvaluationError, Thrown)):
        frame.evaluate(lambda _: read_lenient(source))
    assert frame.steps <= Limits().steps


def test_expressions_read_it_from_texts_and_bodies() -> None:
    assert text("(string)JObject.Parse(\"{'a': 'b'}\")[\"a\"]") == "b"
    assert text("JArray.Parse(\"['x', 'y',]\")[1].ToString()") == "y"
    assert text('JsonConvert.DeserializeObject<JObject>("{a: 1}")["a"].ToString()') == "1"
    body = context(body=b"{model: 'gpt', /* none */ messages: []}")
    assert text('context.Request.Body.As<JObject>(true)["model"].ToString()', body) == "gpt"


def test_a_body_that_is_no_text_is_no_json() -> None:
    assert fails("context.Request.Body.As<JObject>(true)", context(body=b"{'a': '\xff'")) == "JsonReaderException"
