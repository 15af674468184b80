"""Bodies of the commands doctor, up, plan, status, smoke and down: they take plain arguments and return an exit code.

Text for people goes to standard error; standard output carries only the JSON object of `--json`. A TripcurveError is
not caught here: `tripcurve.cli` maps it to its exit code.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from provision.doctor.examination import examine
from provision.doctor.text import diagnosis_text
from provision.lifecycle.apply import apply_lab, plan_lab, target_of
from provision.lifecycle.down import down_lab
from provision.lifecycle.plan import Plan
from provision.lifecycle.progress import Progress, Silent, on_stderr
from provision.lifecycle.show import header_text, plan_text, removed_text, smoke_text, status_text
from provision.lifecycle.smoke import smoke_lab
from provision.lifecycle.state import StateFile
from provision.lifecycle.status import status_lab
from provision.resources import clouds
from provision.resources.clouds import Cloud
from tripcurve.errors import BadInput, TargetUnavailable, TripcurveError
from tripcurve.gateways import check_on_azure
from tripcurve.lab import LABS, Lab, load_lab
from tripcurve.lab.retirement import model_warnings
from tripcurve.shipped import find_file
from tripcurve.target import Target

__all__ = [
    "PLAN_HAS_CHANGES",
    "CloudOptions",
    "doctor",
    "down",
    "plan",
    "refresh_rules",
    "smoke",
    "status",
    "stored_target",
    "up",
]

PLAN_HAS_CHANGES = 10
"""Exit code of `plan` if `up` would change something. Codes 1 to 3 keep their meanings, so that scripts can tell."""


CONNECTION_VARIABLE = "TRIPCURVE_LOCAL"


class UpReport(BaseModel):
    """The JSON object of `up`. It has no key, which is only in the state file."""

    lab: str
    cloud: str
    changed: bool
    gateway_url: str
    deployment: str
    api_version: str
    state_file: str
    plan: Plan


@dataclass(frozen=True)
class CloudOptions:
    """The options by which a command names its cloud.

    `cloud` is azure, or local for the running local cloud whose JSON line is in the file `connection`; None
    means the file that TRIPCURVE_LOCAL names. `subscription` None means the lab's, then the environment's.
    """

    cloud: str = "azure"
    connection: Path | None = None
    subscription: str | None = None

    def choose(self, lab: Lab) -> Cloud:
        """Return the cloud. Raises BadInput without a subscription, or without a readable connection file."""
        if self.cloud not in ("azure", "local"):
            raise BadInput(f"--cloud {self.cloud}: choose azure or local")
        if self.cloud == "local":
            return clouds.local(_connection(self._connection_file()))
        if self.connection is not None:
            raise BadInput("--connection is for --cloud local")
        return clouds.azure(self.subscription or lab.subscription_id)

    def _connection_file(self) -> Path:
        named = os.environ.get(CONNECTION_VARIABLE)
        file = Path(named) if self.connection is None and named else self.connection
        if file is None:
            raise BadInput(
                "--cloud local needs --connection FILE, or TRIPCURVE_LOCAL with the file's name: the file holds the "
                "JSON line that `tripcurve local` prints (tripcurve local > cloud.json &)"
            )
        return file


def _connection(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{file}: cannot read it: {error.strerror}") from None
    except ValueError:
        raise BadInput(f"{file}: this is not the JSON line that `tripcurve local` prints") from None
    if not isinstance(content, dict):
        raise BadInput(f"{file}: this is not the JSON line that `tripcurve local` prints")
    return content


def stored_target(lab: Lab, cloud: Cloud) -> Target:
    """Return the target of a lab from its state file. Raises TargetUnavailable if the lab is not up."""
    state = StateFile.of(lab, cloud).load()
    if state.endpoint is None:
        raise TargetUnavailable(f"lab {lab.name} is not up on {cloud.explain()}; run `tripcurve up {lab.name}`")
    return target_of(state, cloud)


def refresh_rules(lab: str, options: CloudOptions = CloudOptions()) -> None:
    """Read the breaker rules in force on a lab that is up, and write them to its state file.

    A run copies them from there into its record. Warns if they differ from the lab file. Raises
    TargetUnavailable if the lab is not up or cannot be read.
    """
    model, file, where = _open(lab, options)
    state = StateFile.of(model, where)
    with state.locked() as remembered:
        if remembered.endpoint is None:
            raise TargetUnavailable(f"lab {model.name} is not up on {where.explain()}; run `tripcurve up {lab}`")
        found = status_lab(model, where, progress=_progress(), lab_file=file, state=state)
        remembered.endpoint.rules = found.rules
        state.save(remembered)
    if found.standing != "up":
        _say(
            f"warning: lab {model.name} differs from its file ({found.standing}); `tripcurve status {lab}` shows where"
        )


def doctor(lab: str, options: CloudOptions = CloudOptions(), as_json: bool = False) -> int:
    """Check that `up` and a run can succeed. Return 0 without errors, 2 if the lab is wrong, else 3."""
    model, file = _read(lab)
    where: Cloud | TripcurveError
    try:
        where = options.choose(model)
    except TripcurveError as refusal:
        where = refusal
    state = None if isinstance(where, TripcurveError) else StateFile.of(model, where)
    found = examine(model, where, file, state)
    _say(diagnosis_text(found))
    return _answer(found, as_json, found.exit_code)


def up(lab: str, options: CloudOptions = CloudOptions(), as_json: bool = False) -> int:
    """Create the lab or correct what differs from it. Return 0, also if there was nothing to do."""
    model, file, where = _open(lab, options)
    state = StateFile.of(model, where)
    _say(header_text(model.name, where.kind, where.subscription_id, model.resource_group))
    _warn(model)
    with _going_on_later("up"):
        applied = apply_lab(model, where, progress=_progress(), lab_file=file, state=state)
    report = UpReport(
        lab=model.name,
        cloud=where.kind,
        changed=applied.plan.has_changes,
        gateway_url=applied.target.gateway_url,
        deployment=applied.target.deployment,
        api_version=applied.target.api_version,
        state_file=str(state.path),
        plan=applied.plan,
    )
    counts = ", ".join(
        f"{applied.plan.count(verb)} {word}"
        for verb, word in (("create", "created"), ("change", "changed"), ("delete", "deleted"))
        if applied.plan.count(verb)
    )
    _say(f"{counts or 'No changes: everything matches the lab'}.")
    _say(f"gateway {report.gateway_url}\nkey in {report.state_file} (mode 0600)")
    return _answer(report, as_json, 0)


def plan(lab: str, options: CloudOptions = CloudOptions(), as_json: bool = False) -> int:
    """Show what `up` would do. Return 0 for nothing and PLAN_HAS_CHANGES for something."""
    model, file, where = _open(lab, options)
    found = plan_lab(model, where, progress=_progress(), lab_file=file, state=StateFile.of(model, where))
    _say(plan_text(found))
    _warn(model)
    return _answer(found, as_json, PLAN_HAS_CHANGES if found.has_changes else 0)


def status(lab: str, options: CloudOptions = CloudOptions(), as_json: bool = False) -> int:
    """Show the state of the lab. Return 0 if it is completely up or down, and 1 if it drifted or is partial."""
    model, file, where = _open(lab, options)
    found = status_lab(model, where, progress=_progress(), lab_file=file, state=StateFile.of(model, where))
    _say(status_text(found))
    return _answer(found, as_json, 1 if found.standing in ("drifted", "partial") else 0)


def smoke(lab: str, options: CloudOptions = CloudOptions(), as_json: bool = False) -> int:
    """Run the seed's two tests against a lab that is up. Return 0 if both pass, else 1."""
    model, _, where = _open(lab, options)
    found = smoke_lab(model, stored_target(model, where))
    _say(smoke_text(found))
    return _answer(found, as_json, 0 if found.passed else 1)


def down(
    lab: str,
    options: CloudOptions = CloudOptions(),
    purge: bool = False,
    as_json: bool = False,
) -> int:
    """Delete the resources that `up` created, and nothing else. Return 0."""
    model, file, where = _open(lab, options)
    state = StateFile.of(model, where)
    _say(header_text(model.name, where.kind, where.subscription_id, model.resource_group))
    with _going_on_later("down"):
        removed = down_lab(model, where, purge=purge, progress=_progress(), lab_file=file, state=state)
    _say(removed_text(removed))
    return _answer(removed, as_json, 0)


def _open(lab: str, options: CloudOptions) -> tuple[Lab, Path, Cloud]:
    model, file = _read(lab)
    return model, file, options.choose(model)


def _read(lab: str) -> tuple[Lab, Path]:
    # The SDK's own warnings repeat, at length and without a remedy, what our message says.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    loaded = load_lab(lab)
    check_on_azure(loaded)
    return loaded, find_file(lab, LABS, ".yaml", "lab")


def _warn(lab: Lab) -> None:
    """Write a warning for each thing that will not work with the lab's model."""
    for text in model_warnings(lab, date.today()):
        _say(f"warning: {text}")


@contextmanager
def _going_on_later(command: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _say(f"interrupted: finished steps are kept; run `tripcurve {command}` again to continue")
        raise


def _progress() -> Progress:
    return on_stderr() if sys.stderr is not None else Silent()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _answer(report: BaseModel, as_json: bool, code: int) -> int:
    if as_json:
        sys.stdout.write(f"{report.model_dump_json()}\n")
    return code
