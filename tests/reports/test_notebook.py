"""The notebook in docs/ runs as it stands."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tests.reports.runs import TRIP, lab_of, write

NOTEBOOK = Path(__file__).parents[2] / "docs" / "example.ipynb"


def test_every_cell_runs_and_shows_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "runs" / "example", lab_of(), TRIP)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    cells = [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    shown = [run_cell("".join(cell["source"]), names) for cell in cells]
    assert len(shown) >= 7
    for value in shown:
        assert value is not None
        assert value.to_dict() if hasattr(value, "to_dict") else value


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """The value of a cell's last line, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102  # our own documentation
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307  # the same
