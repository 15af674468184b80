"""The command `tripcurve validate`: check lab and scenario files without starting or creating anything."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from tripcurve.documents import read_mapping
from tripcurve.errors import BadInput
from tripcurve.lab import LABS, Lab, load_lab
from tripcurve.lab.retirement import model_warnings
from tripcurve.scenario import SCENARIOS, Scenario, read_scenario
from tripcurve.scenario.replay import load_replay
from tripcurve.shipped import shipped_folder, shipped_names
from tripcurve.suggestions import known_names

__all__ = ["Checked", "check_file", "validate"]

Kind = Literal["lab", "scenario"]


@dataclass(frozen=True)
class Checked:
    """A checked file, with one message for each mistake in it; empty if it is valid.

    `kind` is None for a file that is neither a lab nor a scenario, or cannot be read. `warnings` name what will not
    work on Azure.
    """

    file: str
    kind: Kind | None
    errors: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def validate(name: str, lab: str | None = None, as_json: bool = False) -> int:
    """Check a file, or the built-in lab and scenario of this name. Returns 0 if all are valid, else 2.

    `lab` is a lab to which a scenario must fit: the scenario's backends and its numbers of requests are checked against
    it. None checks the scenario alone. Raises BadInput if there is no such file.
    """
    found = [check_file(path, lab) for path in _files(name)]
    for each in found:
        for line in each.errors or (f"{each.file}: this {each.kind} is valid",):
            sys.stderr.write(f"{line}\n")
        for line in each.warnings:
            sys.stderr.write(f"warning: {line}\n")
    valid = not any(each.errors for each in found)
    if as_json:
        files = [_entry(each) for each in found]
        sys.stdout.write(json.dumps({"valid": valid, "files": files}, ensure_ascii=False) + "\n")
    return 0 if valid else 2


def _entry(checked: Checked) -> dict[str, object]:
    errors, warnings = list(checked.errors), list(checked.warnings)
    return {"file": checked.file, "kind": checked.kind, "errors": errors, "warnings": warnings}


def check_file(path: Path, lab: str | None = None) -> Checked:
    """Read one file and return its mistakes. `lab`: see `validate`."""
    kind: Kind | None = None
    try:
        kind = _kind(path)
        if kind == "lab":
            warnings = model_warnings(load_lab(path), date.today())
            return Checked(str(path), kind, (), tuple(f"{path}: {text}" for text in warnings))
        if lab is None:
            read_scenario(path)
        else:
            load_replay(path, load_lab(lab))
    except BadInput as error:
        return Checked(str(path), kind, tuple(str(error).splitlines()))
    return Checked(str(path), kind, ())


def _files(name: str) -> list[Path]:
    """Return the file at this path, or the built-in lab, scenario or both with this name."""
    if Path(name).is_file():
        return [Path(name)]
    known = {folder: shipped_names(folder, ".yaml") for folder in (LABS, SCENARIOS)}
    found = [shipped_folder(folder) / f"{name}.yaml" for folder, names in known.items() if name in names]
    if not found:
        raise BadInput(
            f"{name!r} is neither a file nor the name of a built-in lab or scenario"
            + known_names(name, {*known[LABS], *known[SCENARIOS]}, "built-in names")
        )
    return found


def _kind(path: Path) -> Kind:
    """Return the kind of document to which more of the file's keys belong.

    Raises BadInput if as many keys belong only to labs as belong only to scenarios.
    """
    keys = set(map(str, read_mapping(path, "lab or scenario")))
    lab, scenario = set(Lab.model_fields), set(Scenario.model_fields)
    as_lab, as_scenario = len(keys & (lab - scenario)), len(keys & (scenario - lab))
    if as_lab == as_scenario:
        raise BadInput(
            f"{path}: this is neither a lab, which has the keys `gateway` and `backends`, nor a scenario, which has "
            "the key `phases`"
        )
    return "lab" if as_lab > as_scenario else "scenario"
