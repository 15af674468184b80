"""Options of `tripcurve capacity`, which uses three rooms. Imports no room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "HighestOption",
    "LoadOption",
    "PriceInOption",
    "PriceOutOption",
    "PricesOption",
    "ProbeOption",
    "RecordedOption",
    "StartOption",
    "SuccessOption",
    "ToleranceOption",
    "WhatIfOption",
    "WindowOption",
]

LoadOption = Annotated[
    str,
    typer.Option(
        "--scenario", help="Scenario whose users, request sizes and checks are used. Its phases are replaced."
    ),
]
StartOption = Annotated[float, typer.Option("--start", help="First rate to try, in requests per second.")]
HighestOption = Annotated[float, typer.Option("--to", help="Highest rate to try, in requests per second.")]
ProbeOption = Annotated[
    str, typer.Option("--probe", help="How long each rate is held: an ISO 8601 duration or seconds.")
]
SuccessOption = Annotated[
    float,
    typer.Option("--success", help="Smallest share of 2xx answers at which a rate counts as carried.", min=0, max=1),
]
ToleranceOption = Annotated[
    float, typer.Option("--tolerance", help="Stop when the search range is within this fraction of the rate.")
]
RecordedOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        metavar="RECORDED",
        help="Send no load: read a run of rising rates, the folder of an earlier search, or a production log (CSV, "
        "JSON lines or Parquet with time, status, latency and tokens). Repeatable: several are set side by side.",
    ),
]
WhatIfOption = Annotated[
    list[str] | None,
    typer.Option(
        "--what-if",
        metavar="CHANGE",
        help="Also simulate what a change would give: `rpm=1200`, `count=10,interval=PT1M`, or a lab file. Repeatable.",
    ),
]
PriceInOption = Annotated[
    float | None, typer.Option("--price-in", help="Price of a million prompt tokens, to report costs.", min=0)
]
PriceOutOption = Annotated[
    float | None, typer.Option("--price-out", help="Price of a million completion tokens.", min=0)
]
PricesOption = Annotated[
    Path | None,
    typer.Option("--prices", metavar="FILE", help="YAML file with the prices: input, output, hour and currency."),
]
WindowOption = Annotated[
    str | None,
    typer.Option("--window", help="Length of a log's windows: an ISO 8601 duration or seconds. By default found."),
]
