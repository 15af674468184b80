"""Labs of other gateways, and what their programs' configurations are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provision.local.gateways.program import Setup
from tripcurve.lab import Lab

KEY = "sk-0123456789abcdef"
RULE = {"name": "rule", "count": 3, "interval": 60, "status_codes": [429, "500-599"], "trip_duration": 4}


def lab_of(kind: str, *backends: dict[str, Any], **changes: Any) -> Lab:
    """A lab of a kind, with one backend unless others are given."""
    own = backends or ({"name": "m1", "breaker": RULE},)
    return Lab.model_validate({"name": kind, "gateway": {"name": kind, "kind": kind}, "backends": own, **changes})


def setup_of(lab: Lab, folder: Path) -> Setup:
    """What a configuration is made from: the backends' mocks listen on ports 8001 and following."""
    addresses = {backend.name: f"127.0.0.1:{8001 + index}" for index, backend in enumerate(lab.backends)}
    return Setup(lab, folder, 9000, KEY, addresses)
