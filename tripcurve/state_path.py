"""The path of a lab's state file, which `tripcurve up` writes and a run reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

__all__ = ["FOLDER_VARIABLE", "state_folder", "state_path"]

FOLDER_VARIABLE = "TRIPCURVE_STATE_DIR"


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of state files: TRIPCURVE_STATE_DIR, else `.tripcurve` in the working directory."""
    return Path(environ.get(FOLDER_VARIABLE) or ".tripcurve")


def state_path(lab: str, cloud: Literal["azure", "local"] = "azure", folder: Path | None = None) -> Path:
    """Return the path of a lab's state file in a folder; None means `state_folder()`.

    A local cloud has a file of its own, so that trying a lab on localhost never touches the record of what the lab
    has on Azure.
    """
    name = f"{lab}.json" if cloud == "azure" else f"{lab}.local.json"
    return (state_folder() if folder is None else folder) / name
