"""The subscription's state and the clock, each in each state."""

from __future__ import annotations

import time

import pytest

from provision.doctor.sign_in import clock_finding, sign_in
from provision.resources.clouds import Cloud
from tests.provision.injection import Inject
from tests.provision.labs import mock_lab, opened

pytestmark = pytest.mark.control_plane


def test_an_enabled_subscription_and_a_right_clock_are_ok(local_cloud: Cloud) -> None:
    with opened(mock_lab(), local_cloud) as context:
        found = sign_in(context, time.time)
    assert [(finding.check, finding.level) for finding in found] == [("sign-in", "ok"), ("clock", "ok")]


def test_the_services_time_is_compared_with_the_clock(local_cloud: Cloud) -> None:
    with opened(mock_lab(), local_cloud) as context:
        _, clock = sign_in(context, lambda: time.time() + 86_400)
    assert (clock.level, clock.exit_code) == ("error", 3)
    assert clock.detail.startswith("8640")
    assert "ahead" in clock.detail


@pytest.mark.parametrize("state", ["Disabled", "Warned", "PastDue", "Deleted"])
def test_a_subscription_in_another_state_is_an_error(state: str, local_cloud: Cloud, inject: Inject) -> None:
    inject("answer", "/subscriptions/[^/]+$", body={"displayName": "Mine", "state": state})
    with opened(mock_lab(), local_cloud) as context:
        found = sign_in(context, time.time)[0]
    assert found.level == "error"
    assert found.detail == f"subscription Mine is {state}, so nothing can be created in it"


@pytest.mark.parametrize(
    ("offset_s", "level"),
    [
        (0.0, "ok"),
        (5.0, "ok"),
        (-5.0, "ok"),
        (5.1, "warning"),
        (-300.0, "warning"),
        (300.1, "error"),
        (-301.0, "error"),
        (None, "warning"),
    ],
)
def test_a_clock_is_judged_by_its_offset(offset_s: float | None, level: str) -> None:
    found = clock_finding(offset_s)
    assert found.level == level
    assert (found.remedy is None) == (level == "ok")
    if offset_s is not None and level != "ok":
        assert ("ahead" if offset_s > 0 else "behind") in found.detail
