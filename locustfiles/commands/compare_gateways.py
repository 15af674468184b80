"""`tripcurve compare-gateways`, its first half: the same scenario against several kinds of gateways, one after another.

Each kind gets the same lab with another `gateway.kind`, and a run and a folder of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from locustfiles.commands.run import drive, report
from tripcurve.documents import write_yaml
from tripcurve.errors import INTERRUPTED, BadInput
from tripcurve.field_errors import field_errors
from tripcurve.gateways import lab_problems, profile_of
from tripcurve.lab import KINDS, Lab, load_lab
from tripcurve.run.gateways import GATEWAY_RUNS, GatewayRun, GatewayRuns
from tripcurve.run.layout import SUMMARY, claim_run_dir, has_records
from tripcurve.run.writing import write_whole
from tripcurve.scenario import load_scenario
from tripcurve.suggestions import known_names

__all__ = ["MissingProgram", "lab_of_kind", "run_gateways"]

MissingProgram = Callable[[Lab], str | None]
"""Returns why a lab's gateway cannot be started here, with the remedy, or None if it can."""


def run_gateways(
    lab: str, scenario: str, kinds: Sequence[str], folder: Path | None, missing: MissingProgram
) -> tuple[Path, int]:
    """Run the scenario against each kind on localhost. Returns the folder and the exit code: 0, or 130 if interrupted.

    `folder` None: a new one in runs. It gets a lab and a run per kind, and GATEWAY_RUNS. A kind that cannot express the
    lab's rule, or whose program is missing, is listed with the reason and the others are run. Raises BadInput before
    anything starts.
    """
    the_lab = load_lab(lab)
    the_scenario = load_scenario(scenario, the_lab)
    _check_kinds(kinds)
    lock = claim_run_dir(folder, the_lab.name, "gateways")
    done: list[GatewayRun] = []
    try:
        for kind in kinds:
            print(f"{kind}:", file=sys.stderr)
            done.append(_run_one(the_lab, scenario, kind, lock.folder, missing))
            print(f"{kind}: {done[-1].reason or 'done'}", file=sys.stderr)
            runs = GatewayRuns(lab=the_lab.name, scenario=the_scenario.name, gateways=tuple(done))
            write_whole(lock.folder / GATEWAY_RUNS, runs.model_dump_json(indent=1) + "\n")
            if done[-1].reason == _CUT:
                return lock.folder, INTERRUPTED
        return lock.folder, 0
    finally:
        lock.release()


_CUT = "interrupted"


def _check_kinds(kinds: Sequence[str]) -> None:
    possible = [kind for kind in KINDS if kind != "generic"]
    for kind in kinds:
        if kind not in possible:
            raise BadInput(f"--kinds {kind!r}: no such kind can be started here{known_names(kind, possible, 'kinds')}")
    if not kinds or len(set(kinds)) < len(kinds):
        raise BadInput(f"--kinds {','.join(kinds)!r}: name each kind once, such as {','.join(possible)}")


def lab_of_kind(lab: Lab, kind: str) -> Lab:
    """Return the lab with a gateway of another kind. Raises BadInput if the kind cannot have such a lab."""
    content = lab.model_dump(mode="json")
    content["gateway"] |= {"kind": kind, "answers": None}
    try:
        other = Lab.model_validate(content)
    except ValidationError as error:
        raise BadInput("; ".join(map(str, field_errors(error, Lab)))) from None
    problems = lab_problems(other)
    if problems:
        raise BadInput("; ".join(map(str, problems)))
    return other


def _run_one(lab: Lab, scenario: str, kind: str, folder: Path, missing: MissingProgram) -> GatewayRun:
    try:
        of_kind = lab_of_kind(lab, kind)
    except BadInput as error:
        return GatewayRun(kind=kind, title=kind, reason=str(error))
    title = profile_of(of_kind).title
    reason = missing(of_kind)
    if reason is not None:
        return GatewayRun(kind=kind, title=title, reason=reason)
    file, run = folder / f"{kind}.yaml", folder / kind
    write_whole(file, write_yaml(of_kind))
    code = drive(str(file), scenario, "local", run)
    if has_records(run):
        report(run, [], quiet=True)
    if code == INTERRUPTED:
        done = run.name if (run / SUMMARY).is_file() else None
        return GatewayRun(kind=kind, title=title, run=done, reason=_CUT)
    if not (run / SUMMARY).is_file():
        reason = f"it could not be run (exit code {code}); see the messages of this command"
        return GatewayRun(kind=kind, title=title, reason=reason)
    return GatewayRun(kind=kind, title=title, run=run.name)
