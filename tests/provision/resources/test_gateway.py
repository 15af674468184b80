"""The number of units that the gateway is created with, or keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision.resources.base import Context, Found
from provision.resources.clients import Clients
from provision.resources.gateway import GatewayService
from tests.provision.samples import AZURE, lab


def service(**gateway: Any) -> GatewayService:
    given = lab(gateway={"name": "apim", **gateway})
    return GatewayService(Context(given, AZURE, Clients(AZURE), Path("policy.xml")), "apim")


def test_stated_units_are_planned_and_asked_for() -> None:
    two = service(units=2)
    assert two.desired()["units"] == 2
    assert two.capacity(Found({"units": 5})) == 2


@pytest.mark.parametrize(("found", "units"), [(None, 1), (Found({"units": 3}), 3), (Found({"units": None}), 1)])
def test_unknown_units_change_nothing_and_begin_with_one(found: Found | None, units: int) -> None:
    unknown = service(units="unknown")
    assert "units" not in unknown.desired()
    assert unknown.capacity(found) == units
