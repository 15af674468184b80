"""report.html: one file, no network."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

from reports.charts import Figure
from reports.words import TRIP_COLUMNS, answer, number, trip_rows

__all__ = ["render"]

TITLES = {
    "timeline": "Status over time",
    "latency": "Latency by outcome",
    "ratio": "503 to 429 over time",
}
DESCRIPTIONS = {
    "timeline": (
        "Requests per second by outcome, stacked. Grey: the breaker was measured open. "
        "Black triangles: the gateway's own record."
    ),
    "latency": "Each point one request, by the second it was sent; a long run is thinned, its slowest tenth kept.",
    "ratio": "Of 429s from backends and 503s from the gateway together, the share that never reached a backend.",
}


def render(summary: dict[str, Any], figures: dict[str, Figure]) -> str:
    """The whole page. All text is escaped by the template; the data in scripts is escaped JSON."""
    folder = Path(__file__).with_name("templates")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = number
    charts = [
        {"name": name, "title": TITLES[name], "description": DESCRIPTIONS[name], "spec": _script_json(figure.to_dict())}
        for name, figure in figures.items()
    ]
    return environment.get_template("report.html.j2").render(
        summary=summary,
        answer=answer(summary),
        trip_columns=list(TRIP_COLUMNS),
        trip_rows=trip_rows(summary),
        charts=charts,
        vega=Markup(_vega()) if charts else "",  # noqa: S704  # the bundled library, no input in it
    )


@cache
def _vega() -> str:
    """Vega-Embed and what it needs, as one script."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")


def _script_json(value: dict[str, Any]) -> Markup:
    """JSON that cannot end the script it stands in."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # escaped just above
