"""Liquid templates: what they print, and that they end."""

from __future__ import annotations

import pytest
from hypothesis import given
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
    ("a {%- comment -%} {{ body }} {%- endcomment %} b", "a b"),
    ("a  {{- body.n -}}  b", "a3b"),
]


@pytest.mark.parametrize(("template", "text"), RENDERED)
def test_a_template_prints(template: str, text: str) -> None:
    assert parse_template(template).render_with(dict(SCOPE)) == text


def test_loops_within_loops_end() -> None:
    inner = "{% for a in body %}" * 4 + "x" + "{% endfor %}" * 4
    with pytest.raises(PolicyFault, match="loops more than"):
        parse_template(inner).render_with({"body": list(range(50))})


@pytest.mark.parametrize("text", ["{% if " + "a and " * 9999 + "a %}{% endif %}", "{{ a" + " | upcase" * 9999 + " }}"])
def test_a_tag_of_any_length_is_refused_not_climbed(text: str) -> None:
    with pytest.raises(LiquidError, match="longer than"):
        parse_template(text)


def test_output_is_bounded() -> None:
    with pytest.raises(PolicyFault, match="characters"):
        parse_template("{% for a in body %}{{ a }}{% endfor %}").render_with({"body": ["x" * 100_000] * 100})


PIECES = ("{{", "}}", "{%", "%}", "-", " if ", " for a in ", "body", ".x", "[0]", " | ", "upcase", ":", "'", '"', "1")
TAGGED = ("{% endif %}", "{% else %}", "==", " and ", "assign a = ")


@given(st.lists(st.sampled_from(PIECES + TAGGED), max_size=25).map("".join))
def test_any_jumble_renders_or_is_refused(text: str) -> None:
    try:
        parse_template(text).render_with(dict(SCOPE))
    except (LiquidError, PolicyFault):
        return
