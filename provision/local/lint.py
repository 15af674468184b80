"""`tripcurve lint`: what API Management would refuse in a policy or a lab, by line and column, without a deployment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from provision.local.apim.policies import PolicyError, check_fragment, compile_document
from provision.resources.api import PLACEHOLDER
from tripcurve import __version__
from tripcurve.documents import FaultyDocument, place_of, read_document
from tripcurve.errors import BadInput
from tripcurve.lab import LABS, Lab, policy_path
from tripcurve.lab.local_options import LocalOptions
from tripcurve.shipped import find_file

__all__ = ["Finding", "lint", "lint_file"]

FORMATS = ("text", "json", "sarif")
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ONLY_HERE = "cannot run "
"""In the message of each fault that concerns a policy which API Management accepts and the local gateway cannot run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake. `line` and `column` count from 1. A warning concerns the local gateway only."""

    file: str
    line: int
    column: int
    level: Literal["error", "warning"]
    message: str


def lint(names: Sequence[str], form: str, named_values: Sequence[str]) -> int:
    """Check policies, fragments and labs, print the findings on stdout, and return 1 if one is an error, else 0.

    `names`: files, or names of built-in labs. `form`: text, json or sarif. `named_values`: NAME=VALUE, for policies
    that are checked without a lab. Raises BadInput for an unknown form, a value without a name, or a missing file.
    """
    if form not in FORMATS:
        raise BadInput(f"--format {form!r} is not one of {', '.join(FORMATS)}")
    values = dict(_pair(each) for each in named_values)
    found = [finding for name in names for finding in lint_file(_file(name), values)]
    sys.stdout.write({"text": _text, "json": _json, "sarif": _sarif}[form](found))
    errors = sum(finding.level == "error" for finding in found)
    sys.stderr.write(f"{len(names)} checked: {errors} errors, {len(found) - errors} warnings\n")
    return 1 if errors else 0


def lint_file(path: Path, named_values: Mapping[str, str]) -> list[Finding]:
    """Return the findings in a policy or fragment (`.xml`), or in a lab and the policy that it names."""
    if path.suffix.lower() == ".xml":
        return list(_policy(path, named_values, LocalOptions(), "backend"))
    try:
        lab = read_document(path, Lab, "lab")
    except FaultyDocument as error:
        return [Finding(str(path), line, column, "error", text) for line, column, text in error.mistakes]
    except BadInput as error:
        return [Finding(str(path), 1, 1, "error", _own(error, path))]
    try:
        policy = policy_path(lab, path)
    except BadInput as error:
        line, column = place_of(path.read_text("utf-8"), "api.policy")
        return [Finding(str(path), line, column, "error", _own(error, path))]
    return list(_policy(policy, lab.api.named_values, lab.local, lab.backend_id))


def _own(error: BadInput, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")


def _policy(path: Path, named_values: Mapping[str, str], options: LocalOptions, backend_id: str) -> Iterator[Finding]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield Finding(str(path), 1, 1, "error", f"cannot be read as UTF-8 text: {error}")
        return
    text = text.replace(PLACEHOLDER, backend_id)
    is_fragment = "<fragment" in text and "<policies" not in text
    check = check_fragment if is_fragment else compile_document
    try:
        check(text, format="rawxml", named_values=named_values, options=options)
    except PolicyError as error:
        for fault in error.faults:
            reason = fault.message.partition(f"column {fault.column}: ")[2] or fault.message
            level: Literal["error", "warning"] = "warning" if ONLY_HERE in reason else "error"
            yield Finding(str(path), fault.line, fault.column, level, f"<{fault.target}>: {reason}")


def _file(name: str) -> Path:
    if Path(name).suffix.lower() == ".xml" and not Path(name).is_file():
        raise BadInput(f"{name}: there is no such policy file")
    return find_file(name, LABS, ".yaml", "policy or lab")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise BadInput(f"--named-value {text!r} has not the form NAME=VALUE")
    return name, value


def _text(found: Sequence[Finding]) -> str:
    return "".join(f"{each.file}:{each.line}:{each.column}: {each.level}: {each.message}\n" for each in found)


def _json(found: Sequence[Finding]) -> str:
    return json.dumps({"findings": [asdict(each) for each in found]}, ensure_ascii=False) + "\n"


def _sarif(found: Sequence[Finding]) -> str:
    """SARIF 2.1.0, as code scanning services read it."""
    rules = [{"id": kind, "shortDescription": {"text": text}} for kind, text in _RULES.items()]
    driver = {"name": "tripcurve", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(each) for each in found]}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False) + "\n"


_RULES = {
    "refused": "API Management refuses this when it is deployed.",
    "local": "API Management accepts this; the local gateway cannot run it.",
}


def _result(finding: Finding) -> dict[str, Any]:
    path = Path(finding.file)
    location = {
        "artifactLocation": {"uri": path.as_uri() if path.is_absolute() else path.as_posix().replace(" ", "%20")},
        "region": {"startLine": finding.line, "startColumn": finding.column},
    }
    return {
        "ruleId": "refused" if finding.level == "error" else "local",
        "level": finding.level,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
    }
