"""The page of what was computed in virtual time."""

from __future__ import annotations

import altair as alt
import pandas as pd

from simulator.page import Block, Figure, Row, Table, render_page, svg_of

HOSTILE = "<script>alert(1)</script>"


def test_every_text_is_escaped() -> None:
    page = render_page(
        HOSTILE,
        [HOSTILE],
        tables=[Table(HOSTILE, (HOSTILE,), [Row((HOSTILE,), "own")])],
        blocks=[Block(HOSTILE, HOSTILE)],
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6


def test_a_chart_takes_the_pages_colour_and_escapes_its_texts() -> None:
    chart = alt.Chart(pd.DataFrame({"x": [1], "name": [HOSTILE]})).mark_text().encode(x="x:Q", text="name:N")
    svg = svg_of(chart)
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert "<script" not in svg
    page = render_page("t", [], figures=[Figure(svg, "a caption")])
    assert 'aria-label="a caption"' in page
    assert 'http-equiv="Content-Security-Policy"' in page
