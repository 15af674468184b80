"""The house's rules: who may import whom, and what the command may load before it is asked for anything."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import SLOWEST

ROOT = Path(__file__).parent.parent
ROOMS = {"provision", "locustfiles", "reports", "simulator"}
PRODUCT = ("tripcurve", *sorted(ROOMS))
HEAVY = ("pandas", "pyarrow", "locust", "gevent", "azure", "altair", "openai", "aiohttp", "lxml")


def modules(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of what a piece of code imports, strings handed to import_module included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import hides where it leads"
            yield node.module or ""
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            yield str(getattr(node.args[0], "value", ""))


def _imports_by_name(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in ("import_module", "__import__") and bool(node.args)


def rooms_imported(tree: ast.AST) -> set[str]:
    return {name.partition(".")[0] for name in imports(tree)} & ROOMS


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_no_room_imports_another(room: str) -> None:
    found = {str(path.relative_to(ROOT)): rooms_imported(parsed(path)) - {room} for path in modules(room)}
    assert {path: others for path, others in found.items() if others} == {}


def test_the_core_imports_no_room() -> None:
    paths = [path for path in modules("tripcurve") if path.name != "cli.py"]
    found = {str(path.relative_to(ROOT)): rooms_imported(parsed(path)) for path in paths}
    assert {path: rooms for path, rooms in found.items() if rooms} == {}


def test_the_command_imports_rooms_only_inside_its_commands() -> None:
    tree = parsed(ROOT / "tripcurve" / "cli.py")
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    assert rooms_imported(tree), "the command wires nothing: is this the right file?"
    assert [ast.unparse(node) for node in outside if rooms_imported(node)] == []


def test_no_product_code_imports_tests() -> None:
    paths = modules(*PRODUCT)
    assert [
        str(path) for path in paths if any(name.partition(".")[0] == "tests" for name in imports(parsed(path)))
    ] == []


def test_only_provision_itself_reaches_into_the_local_cloud() -> None:
    """The rest of provision drives the local cloud over HTTPS through the SDKs, as it drives Azure."""
    outside = [path for path in modules("provision") if (ROOT / "provision" / "local") not in path.parents]
    reaching = [path for path in outside if any(name.startswith("provision.local") for name in imports(parsed(path)))]
    assert [str(path.relative_to(ROOT)) for path in reaching] == []


LOCAL_ROOMS = {
    "wire": set(),
    "apim": set(),
    "identity": set(),
    "mock": {"wire", "arm"},
    "gateway": {"wire", "apim"},
    "gateways": set(),
    "arm": {"apim", "identity"},
}
"""The rooms of the local cloud, and the other rooms that each may import.

The policies reach the gateway through a Protocol (`provision.local.apim.services`), so ARM compiles a policy without
the data plane.
"""


def local_room(name: str) -> str:
    """The room of the local cloud that an import leads to; empty when it leads elsewhere."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["provision", "local"] and len(parts) > 2 and parts[2] in LOCAL_ROOMS else ""


@pytest.mark.parametrize("room", sorted(LOCAL_ROOMS))
def test_rooms_of_the_local_cloud_import_only_what_they_are_built_on(room: str) -> None:
    paths = modules(f"provision/local/{room}")
    found = {str(path.relative_to(ROOT)): {local_room(name) for name in imports(parsed(path))} for path in paths}
    allowed = LOCAL_ROOMS[room] | {room, ""}
    assert found, "no such room"
    assert {path: rooms - allowed for path, rooms in found.items() if rooms - allowed} == {}


LONGEST_FILE, LONGEST_FUNCTION = 400, 60
MOST_ANY = {"reports": 20, "locustfiles": 17, "simulator": 21, "provision": 116, "tripcurve": 47}
"""Lines that say `Any`. Lower a number when you remove some; never raise one."""


def test_no_file_is_too_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in modules(*PRODUCT)}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_the_files_that_start_first_exist() -> None:
    assert [name for name in SLOWEST if not (ROOT / "tests" / name).is_file()] == []


def test_no_function_is_too_long() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length}"
        for path in modules(*PRODUCT)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert found == []


@pytest.mark.parametrize("package", sorted(MOST_ANY))
def test_any_is_used_no_more_than_it_was(package: str) -> None:
    lines = [line for path in modules(package) for line in path.read_text("utf-8").splitlines()]
    found = [line for line in lines if re.search(r"\bAny\b", line) and "import" not in line]
    assert len(found) <= MOST_ANY[package]


@pytest.mark.no_coverage
@pytest.mark.parametrize(
    ("command", "room"),
    [
        ("", None),
        ("init", None),
        ("local", "provision"),
        ("export", "locustfiles"),
        ("report", "reports"),
        ("tune", "simulator"),
    ],
)
def test_help_loads_no_heavy_library_and_no_other_room(command: str, room: str | None) -> None:
    code = (
        "import sys\n"
        "from tripcurve.cli import app\n"
        f"try:\n    app([*{command.split()!r}, '--help'])\nexcept SystemExit:\n    pass\n"
        f"loaded = sorted(name for name in {(*HEAVY, *sorted(ROOMS))!r} if name in sys.modules)\n"
        "print('loaded:', loaded, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "Usage" in done.stdout
    assert done.stderr.strip().splitlines()[-1] == f"loaded: {[] if room is None else [room]}"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import reports.loading.run", {"reports"}),
        ("from provision import commands", {"provision"}),
        ("def f():\n    import locustfiles", {"locustfiles"}),
        ("import importlib\nimportlib.import_module('reports.loading.run')", {"reports"}),
        ("import reportsmith", set()),
    ],
)
def test_the_walk_itself_sees_every_way_of_importing(code: str, found: set[str]) -> None:
    assert rooms_imported(ast.parse(code)) == found
