"""`tripcurve init`: write a commented lab and scenario to start from."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import typer

from tripcurve.errors import BadInput

__all__ = ["init", "write_scaffold"]

TEMPLATES = Path(__file__).parent
NAMES = ("lab.yaml", "scenario.yaml")
PLACEHOLDER = "NAME"
LAB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,29}")
"""Names that also fit the gateway and the backends that the template derives from them."""


def init(folder: Path, name: str | None, as_json: bool) -> int:
    """Write the files, list them on the terminal, and return 0.

    `name` is the lab's name. If it is None, the command asks on a terminal; elsewhere it takes the folder's name.
    Raises BadInput if the name does not fit or a file exists.
    """
    if name is None:
        name = suggested_name(folder)
        if sys.stdin.isatty() and sys.stderr.isatty():
            name = typer.prompt("Name of the lab", default=name, err=True)
    written = write_scaffold(folder, name)
    if as_json:
        sys.stdout.write(json.dumps({"name": name, "files": [str(path) for path in written]}) + "\n")
    else:
        lab, scenario = written
        typer.echo(f"wrote {lab} and {scenario}\nnext: tripcurve run {lab} --scenario {scenario}", err=True)
    return 0


def suggested_name(folder: Path) -> str:
    """Return the folder's name as a lab's name, or `mylab` if nothing of it can be used."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", folder.resolve().name).strip("-").lower()[:30].rstrip("-")
    return plain if LAB_NAME.fullmatch(plain) else "mylab"


def write_scaffold(folder: Path, name: str) -> list[Path]:
    """Write `lab.yaml` and `scenario.yaml` into a folder, which is made if needed, and return their paths.

    Raises BadInput, and writes nothing, if the name does not fit or either file exists.
    """
    if LAB_NAME.fullmatch(name) is None:
        raise BadInput(
            f"--name {name!r}: a lab's name begins with a letter and has at most 30 letters, digits and hyphens"
        )
    paths = [folder / each for each in NAMES]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise BadInput(f"{path} exists and is not overwritten; name another folder: tripcurve init FOLDER")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            text = (TEMPLATES / path.name).read_text("utf-8")
            with path.open("x", encoding="utf-8") as file:
                file.write(text.replace(PLACEHOLDER, name))
    except OSError as error:
        raise BadInput(f"{error.filename or folder}: cannot write: {error.strerror}") from None
    return paths
