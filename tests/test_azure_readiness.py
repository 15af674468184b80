"""Each row of docs/azure-readiness.md names tests that exist, or says that it was not run."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/azure-readiness.md").read_text("utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@cache
def functions_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_every_row_has_three_cells_and_a_test_or_was_not_run() -> None:
    rows = [row for row in ROWS if row != ["Azure", "local cloud", "test"]]
    assert len(rows) > 30
    assert [row for row in rows if len(row) != 3] == []
    assert [row[0] for row in rows if row[2] != "not run" and not NAMED.findall(row[2])] == []


def test_each_named_test_exists() -> None:
    named = NAMED.findall(PAGE)
    assert [f"{path}::{name}" for path, name in named if not (ROOT / path).is_file()] == []
    assert [f"{path}::{name}" for path, name in named if name not in functions_in(path)] == []


def test_no_test_is_named_in_another_form() -> None:
    assert len(re.findall(r"tests/[\w/]+\.py::", PAGE)) == len(NAMED.findall(PAGE))
