"""Liquid templates: what they print, and that they end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.local.apim.policies.liquid import LiquidError, parse_template
from provision.local.apim.services import PolicyFault

SCOPE: dict[str, object] = {
    "body": {"name": "Ann", "tags": ["a", "b"], "n": 3, "on": True, "off": False, "none": None, "map": {"k": 1}},
    "context": {"Variables": {"v": "x"}},
}

RENDERED = [
    ("plain", "plain"),
    ("{{ body.name }} {{body['name']}} {{ body.tags[1] }} {{ body.tags.size }}", "Ann Ann b 2"),
    ("{{ body.nothing.at.all }}{{ body.tags[9] }}", ""),
    ("{{ body.on }} {{ body.n }} {{ body.tags }}", 'true 3 ["a", "b"]'),
    ('{{ context.Variables["v"] }}', "x"),
    ("{{ body.name | upcase | append: '!' }}", "ANN!"),
    ("{{ body.nothing | default: 'none' }} {{ body.tags | join: '|' }}", "none a|b"),
    ("{% if body.n == 3 %}yes{% else %}no{% endif %}", "yes"),
    ("{% if body.n > 3 %}a{% elsif body.n >= 3 and body.on %}b{% else %}c{% endif %}", "b"),
    ("{% if body.off or body.none %}a{% endif %}{% unless body.off %}b{% endunless %}", "b"),
    ("{% if body.tags contains 'b' %}has{% endif %}", "has"),
    ("{% if body.name != 'Bob' %}other{% endif %}", "other"),
    (
        "{% for t in body.tags %}{{ forloop.index }}{{ t }}{% unless forloop.last %},{% endunless %}{% endfor %}",
        "1a,2b",
    ),
    ("{% for p in body.map %}{{ p.Key }}={{ p.Value }}{% endfor %}", "k=1"),
    ("{% for x in body.nothing %}x{% endfor %}", ""),
    ("{% assign y = body.name | downcase %}{{ y }}", "ann"),
    ("{% capture y %}<{{ body.n | plus: 1 }}>{% endcapture %}{{ y | replace: '<', '(' }}", "(4>"),
    ("{% case body.n %}{% when 3 %}three{% else %}other{% endcase %}", "three"),
    ("a {%- comment -%} {{ body }} {%- endcomment %} b", "a b"),
    ("a  {{- body.n -}}  b", "a3b"),
]


@pytest.mark.parametrize(("template", "text"), RENDERED)
def test_a_template_prints(template: str, text: str) -> None:
    assert parse_template(template).render_with(dict(SCOPE)) == text


def test_loops_within_loops_end() -> None:
    inner = "{% for a in body %}" * 4 + "x" + "{% endfor %}" * 4
    with pytest.raises(PolicyFault, match="loop iteration limit"):
        parse_template(inner).render_with({"body": list(range(50))})


@pytest.mark.parametrize(
    "text", ["{% if " + "a and " * 9999 + "a %}{% endif %}", "{{ a" + "[a" * 9999 + "]" * 9999 + " }}"]
)
def test_a_tag_of_any_depth_is_refused_not_climbed(text: str) -> None:
    with pytest.raises(LiquidError, match="cannot run here"):
        parse_template(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{% render 'file' %}", "render"),
        ("{% liquid assign a = 1 %}", "liquid"),
        ("{{ 'now' | date: '%Y' }}", "'date'"),
        ("{{ body | base64_decode }}", "'base64_decode'"),
        ("{% if a %}", "if"),
        ("{{ a", "}}"),
    ],
)
def test_what_dotliquid_does_not_have_or_cannot_read_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(LiquidError, match=re.escape(named)):
        parse_template(text)


@pytest.mark.parametrize("text", ["{{ 1 | divided_by: 0 }}", "{% if 'a' < 1 %}{% endif %}", "{{ 'x' | append: 1, 2 }}"])
def test_a_template_that_fails_is_a_fault_of_set_body(text: str) -> None:
    with pytest.raises(PolicyFault) as caught:
        parse_template(text).render_with({})
    assert (caught.value.source, caught.value.reason) == ("set-body", "LiquidError")


def test_a_variable_that_doubles_is_bounded() -> None:
    doubled = "{% assign a = 'xxxxxxxx' %}" + "{% assign a = a | append: a %}" * 40
    with pytest.raises(PolicyFault, match="namespace"):
        parse_template(doubled).render_with({})


def test_output_is_bounded() -> None:
    with pytest.raises(PolicyFault, match="output stream limit"):
        parse_template("{% for a in body %}{{ a }}{% endfor %}").render_with({"body": ["x" * 100_000] * 100})


PIECES = ("{{", "}}", "{%", "%}", "-", " if ", " for a in ", "body", ".x", "[0]", " | ", "upcase", ":", "'", '"', "1")
TAGGED = ("{% endif %}", "{% else %}", "==", " and ", "assign a = ")


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES + TAGGED), max_size=25).map("".join))
def test_any_jumble_renders_or_is_refused(text: str) -> None:
    try:
        parse_template(text).render_with(dict(SCOPE))
    except (LiquidError, PolicyFault):
        return
