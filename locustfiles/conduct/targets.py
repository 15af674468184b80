"""Finds the target that `--target` names: the embedded local cloud, a lab that is up on Azure, or a URL."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr, ValidationError

from locustfiles.conduct.embedded import Embedded
from tripcurve.errors import TargetUnavailable
from tripcurve.gateways import check_on_azure, profile_of
from tripcurve.lab import LABS, Lab
from tripcurve.shipped import find_file
from tripcurve.state_path import state_folder, state_path
from tripcurve.target import KEY, Target, check_target_name

__all__ = ["find_target"]


def find_target(target: str, lab: Lab, lab_name: str, environ: Mapping[str, str] = os.environ) -> Target | Embedded:
    """Return the target, or for `local` the embedded cloud started for it, which the caller must stop.

    Raises BadInput if the name or the key in the environment is missing or wrong, TargetUnavailable if the target is
    not up or cannot be started.
    """
    if target == "local":
        return Embedded.start(Path(find_file(lab_name, LABS, ".yaml", "lab")))
    if target == "azure":
        check_on_azure(lab)
        return _azure(lab, environ)
    check_target_name(target, environ)
    return Target(
        gateway_url=target.rstrip("/"),
        api_key=SecretStr(environ[KEY]),
        deployment=lab.model.deployment,
        api_version=lab.api.version,
        api_path=lab.api.path,
        headers=lab.gateway.headers,
        key_header=profile_of(lab).key_header,
        kind="url",
    )


def _azure(lab: Lab, environ: Mapping[str, str]) -> Target:
    """Return the target in the state file of `tripcurve up`: its `endpoint`. The rest belongs to provision."""
    path = state_path(lab.name, "azure", state_folder(environ))
    try:
        endpoint = json.loads(path.read_text("utf-8"))["endpoint"]
    except FileNotFoundError:
        raise TargetUnavailable(f"{path}: lab {lab.name} is not up on Azure; run `tripcurve up` first") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise TargetUnavailable(f"{path}: cannot read this state file; run `tripcurve up` again") from None
    if not isinstance(endpoint, dict):
        raise TargetUnavailable(f"{path}: lab {lab.name} is not complete on Azure; run `tripcurve up` again")
    try:
        return Target.model_validate(endpoint | {"kind": "azure"})
    except ValidationError:
        raise TargetUnavailable(f"{path}: its endpoint is incomplete; run `tripcurve up` again") from None
