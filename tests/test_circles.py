"""No file of the product imports itself through others; imports under TYPE_CHECKING count."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("tripcurve", "provision", "locustfiles", "reports", "simulator")


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, modules: set[str]) -> set[str]:
    """Return which of the modules a piece of code imports, at its top or anywhere inside."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in modules else node.module for name in names}
    return found & modules


def graph(root: Path, packages: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the modules that each module of the packages imports."""
    paths = {module_name(path, root): path for package in packages for path in (root / package).rglob("*.py")}
    names = set(paths)
    return {name: imported(ast.parse(path.read_text("utf-8")), names) - {name} for name, path in paths.items()}


def circle(modules: dict[str, set[str]]) -> list[str]:
    """Return one import circle, its first module repeated at the end, or an empty list."""
    try:
        TopologicalSorter(modules).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_imports_itself_through_others() -> None:
    assert circle(graph(ROOT, PACKAGES)) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("import house.second", "import house.first"),
        ("from house import second", "from house.first import name"),
        ("def late():\n    from house.second import name", "import house.first"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house import second", "import house.first"),
    ],
)
def test_a_planted_circle_is_found(first: str, second: str, tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    for name, code in {"__init__": "", "first": first, "second": second}.items():
        (tmp_path / "house" / f"{name}.py").write_text(code, "utf-8")
    assert set(circle(graph(tmp_path, ("house",)))) == {"house.first", "house.second"}


def test_a_file_imported_twice_is_no_circle() -> None:
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
