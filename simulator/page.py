"""Writes results of the simulator as one HTML page that needs neither a network nor scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tripcurve import __version__

__all__ = ["INK", "Block", "Chart", "Figure", "Row", "Table", "render_page", "svg_of"]

INK = "currentColor"
"""Lines and text have the page's text colour, light or dark."""


class Chart(Protocol):
    """An Altair chart of any kind."""

    def to_json(self) -> str: ...


@dataclass(frozen=True)
class Figure:
    """A chart as SVG text, and a sentence that describes it."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Row:
    """Cells as text. `mark`: a class of the page's style sheet, own or chosen; None: an ordinary row."""

    cells: Sequence[str]
    mark: str | None = None


@dataclass(frozen=True)
class Table:
    """A table. `rows` have one value per column. `prose`: its cells are sentences, not figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    prose: bool = False


@dataclass(frozen=True)
class Block:
    """Preformatted text to copy, such as YAML."""

    title: str
    text: str


def svg_of(chart: Chart, ink: str = INK) -> Markup:
    """Return an Altair chart as SVG with a transparent background, and lines and text in the colour `ink`."""
    content = json.loads(chart.to_json())
    axis = {"labelColor": ink, "titleColor": ink, "domainColor": ink, "tickColor": ink, "gridOpacity": 0.25}
    content["config"] = content.get("config", {}) | {
        "background": None,
        "title": {"color": ink},
        "axis": axis,
        "legend": {"labelColor": ink, "titleColor": ink},
        "text": {"color": ink},
        "view": {"stroke": None},
    }
    return Markup(vl_convert.vegalite_to_svg(content))  # noqa: S704  # drawn here, and Vega escapes its texts


def render_page(
    title: str,
    paragraphs: Sequence[str],
    *,
    figures: Sequence[Figure] = (),
    tables: Sequence[Table] = (),
    blocks: Sequence[Block] = (),
) -> str:
    """Return the page as HTML. All texts are escaped."""
    environment = Environment(
        loader=PackageLoader("simulator"), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    return environment.get_template("page.html.j2").render(
        title=title, paragraphs=paragraphs, figures=figures, tables=tables, blocks=blocks, version=__version__
    )
