"""`make bench [ONLY=name]`: run the benchmarks, append rows to bench-results.json, print a table."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

NAMES = (
    "generator",
    "pacing",
    "workers",
    "sdk_user",
    "gateway",
    "accuracy",
    "report",
    "simulator",
    "startup",
    "replay",
)
RESULTS = Path("bench-results.json")


def main(names: list[str]) -> int:
    """Measure and show. Returns 2 for an unknown name, 1 when a budget is missed, else 0."""
    here = Path(__file__).parent
    available = [name for name in NAMES if (here / f"{name}.py").exists()]
    unknown = [name for name in names if name not in available]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(available)}", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    for name in names or available:
        print(f"measuring {name} …", file=sys.stderr)
        found = importlib.import_module(f"tests.benchmarks.{name}").rows()
        rows += found
        _append(found)
    _show(rows)
    return 1 if any(row["ok"] is False for row in rows) else 0


def _append(rows: list[dict[str, Any]]) -> None:
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    RESULTS.write_text(json.dumps(earlier + rows, indent=1) + "\n")


def _show(rows: list[dict[str, Any]]) -> None:
    """Print two lines per row, so that the table fits 80 columns: the name and its verdict, then the figures."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row["name"], {True: "ok", False: "MISSED", None: ""}[row["ok"]])
        figures = [f"  {_number(row['value'])} {row['unit']}".rstrip()]
        figures += [f"budget {row['budget']}"] if row["budget"] else []
        figures += [f"{_number(row['ratio'])} ×"] if row["ratio"] is not None else []
        figures += [f"beside: {row['peer']}"] if row["peer"] else []
        table.add_row("; ".join(figures), "")
    Console().print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
