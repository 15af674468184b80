"""Reads a lab file and checks it: its fields, what its kind of gateway can express, and its policy."""

from __future__ import annotations

from pathlib import Path

from tripcurve.documents import FaultyDocument, Mistake, place_of, read_document
from tripcurve.errors import BadInput
from tripcurve.lab.model import LABS, POLICIES, Lab
from tripcurve.shipped import find_file, shipped_folder

__all__ = ["load_lab", "policy_path"]


def load_lab(name: str | Path) -> Lab:
    """Read the lab in a file, or a built-in one by its name. A policy that is not built in gets its absolute path.

    Raises BadInput naming file, field and remedy, also if the policy file does not exist or the kind of gateway cannot
    express a rule.
    """
    from tripcurve.gateways import lab_problems  # the profiles of gateways import the lab's models

    path = find_file(name, LABS, ".yaml", "lab")
    lab = read_document(path, Lab, "lab")
    problems = lab_problems(lab)
    if problems:
        text = path.read_text("utf-8")
        mistakes = [Mistake(*place_of(text, each.field), str(each)) for each in problems]
        raise FaultyDocument("\n".join(f"{path}: {each}" for each in problems), mistakes)
    policy = policy_path(lab, path)
    if policy.parent == shipped_folder(POLICIES):
        return lab
    # A run is recorded and reported in other folders than the lab's.
    return lab.model_copy(update={"api": lab.api.model_copy(update={"policy": str(policy.resolve())})})


def policy_path(lab: Lab, lab_file: Path) -> Path:
    """Return the policy file of a lab: a path relative to the lab's folder, or a built-in one.

    Raises BadInput if there is no such file.
    """
    try:
        return find_file(lab.api.policy, POLICIES, ".xml", "policy", base=lab_file.parent)
    except BadInput as error:
        raise BadInput(f"{lab_file}: api.policy: {error}") from None
