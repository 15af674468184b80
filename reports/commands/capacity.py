"""`tripcurve capacity`, its second half: searches, runs and logs read, and the report of them written and printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from reports.render.capacity import print_capacity, render_capacity, render_capacity_markdown
from reports.render.capacity_charts import latency_chart, rate_chart, token_chart
from reports.render.charts import on_white
from reports.render.drawing import png_of, svg_of
from reports.statistics.capacity_report import CapacityReport, Prices, Subject
from reports.statistics.capacity_sources import Reading, is_search, read_subject, simulated_of
from tripcurve.documents import read_document
from tripcurve.errors import BadInput, NotRecorded, reason_of
from tripcurve.lab import Lab, load_lab
from tripcurve.run.layout import LAB, REPORT, SCENARIO, make_run_dir
from tripcurve.run.writing import write_whole

__all__ = ["CapacityOptions", "capacity_command", "prices_of", "report_folder", "simulated_from"]

MOST_SUBJECTS = 20
ANSWER = "capacity.json"
TEXT = "capacity.md"


@dataclass(frozen=True)
class CapacityOptions:
    """What the report has beside the search in its folder.

    `sources`: searches, runs and logs, the first of which is the report's subject; none: the search in the report's own
    folder. `lab`: the lab of logs; None: not known. `simulated`: changes of the lab, each with its folder of simulated
    probes; None as a change: the lab as it is. `window_s` None: from a log's duration. `prices` None: no cost.
    """

    sources: tuple[Path, ...] = ()
    lab: str | None = None
    success: float = 0.99
    window_s: float | None = None
    prices: Prices | None = None
    simulated: Sequence[tuple[str | None, Path]] = field(default=())


def capacity_command(folder: Path, as_json: bool, options: CapacityOptions | None = None, code: int = 0) -> int:
    """Write capacity.json, capacity.md, report.html and the charts into the folder, and print the answer.

    `code`: the exit code of the search; one that was interrupted is reported as far as it went. Returns it or, if it is
    0, 1 when nothing was carried, else 0. Raises BadInput when a source cannot be read.
    """
    options = options or CapacityOptions()
    try:
        report = _report(options.sources or (folder,), options)
    except BadInput:
        if code:
            return code
        if options.sources:
            with suppress(OSError):  # the folder is not empty: simulated probes are in it
                folder.rmdir()
        raise
    charts = [_charts(subject) for subject in report.subjects]
    plain = report.as_written()
    try:
        write_whole(folder / ANSWER, json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
        write_whole(folder / TEXT, render_capacity_markdown(report))
        curve = svg_of(on_white(rate_chart(report.subject)))
        write_whole(folder / "capacity.svg", curve)
        write_whole(folder / "capacity.png", png_of(curve))
        write_whole(folder / REPORT, render_capacity(report, charts))
    except OSError as error:
        raise NotRecorded(f"cannot write the answer into {folder}: {reason_of(error)}") from None
    if as_json:
        json.dump(plain, sys.stdout, indent=1, allow_nan=False, ensure_ascii=False)
        print()
    else:
        print_capacity(report, str(folder / REPORT), Console())
    return code or (0 if report.subject.capacity.carried is not None else 1)


def _report(sources: Sequence[Path], options: CapacityOptions) -> CapacityReport:
    if len(sources) > MOST_SUBJECTS:
        raise BadInput(f"{len(sources)} are too many to set side by side; give at most {MOST_SUBJECTS}")
    reading = Reading(
        options.success, options.window_s, None if options.lab is None else load_lab(options.lab), options.prices
    )
    first, *others = (read_subject(source, reading) for source in sources)
    found = tuple(simulated_of(change, folder) for change, folder in options.simulated)
    return CapacityReport(subject=first.model_copy(update={"simulated": found}), beside=tuple(others))


def _charts(subject: Subject) -> dict[str, str]:
    specs = {"rates": rate_chart(subject)}
    if any(step.tokens_per_minute.value for step in subject.steps):
        specs["tokens"] = token_chart(subject)
    if any(step.p50_ms is not None and step.p50_ms.value > 0 for step in subject.steps):
        specs["latency"] = latency_chart(subject)
    return {name: svg_of(spec) for name, spec in specs.items()}


def report_folder(sources: Sequence[Path], out: Path | None, lab: str | None) -> Path:
    """Return the folder for the report of recorded sources, which is made unless it is that of a search itself.

    `out` None: the search's own folder, or a new one in runs. Raises BadInput if it is not empty or cannot be made.
    """
    if out is None and len(sources) == 1 and is_search(sources[0]):
        return sources[0]
    first = sources[0]
    for source in sources:
        if not source.exists():
            raise BadInput(f"--from {source}: there is no such run, folder or log{_rate_hint(str(source))}")
    name = (load_lab(lab).name if lab is not None else None) or _name(first)
    return make_run_dir(out, name, "capacity")


def _rate_hint(text: str) -> str:
    return f"; the first rate of a search is --start {text}" if text.replace(".", "", 1).isdigit() else ""


def _name(path: Path) -> str:
    if (path / LAB).is_file():
        return read_document(path / LAB, Lab, "lab").name
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in path.stem)[:40] or "log"


def prices_of(file: Path | None, price_in: float | None, price_out: float | None) -> Prices | None:
    """Return the prices in a YAML file, with those given one by one in their place; None if there are none.

    Raises BadInput if the file has a mistake.
    """
    given = {name: value for name, value in (("input", price_in), ("output", price_out)) if value is not None}
    if file is None:
        return Prices.model_validate(given) if given else None
    return read_document(file, Prices, "price list").model_copy(update=given)


def simulated_from(sources: Sequence[Path], lab: str | None, scenario: str | None) -> tuple[str, str]:
    """Return the lab and the scenario to simulate for a report of these sources: paths, or the given names.

    Raises BadInput for a log without a lab.
    """
    first = sources[0]
    run = next((path.parent for path in sorted(first.glob(f"*/{LAB}"))), first) if is_search(first) else first
    if (run / LAB).is_file():
        return str(run / LAB), str(run / SCENARIO)
    if lab is None:
        raise BadInput(f"--what-if needs the lab behind {first}: give it as LAB before the options")
    return lab, scenario or "steady"
