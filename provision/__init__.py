"""Builds the gateway of a lab with the Azure SDK, on Azure or on the local cloud.

One code path for both; they differ in endpoint and credential. Names are imported when first
used: the local cloud's processes live in this package and need none of them to start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.apply import plan_lab, provision_lab
    from provision.clouds import Cloud
    from provision.state import StateFile

__all__ = ["Cloud", "StateFile", "plan_lab", "provision_lab"]

_HOMES = {
    "Cloud": "provision.clouds",
    "StateFile": "provision.state",
    "plan_lab": "provision.apply",
    "provision_lab": "provision.apply",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
