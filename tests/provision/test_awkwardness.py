"""Each awkwardness of Azure, shown by the local cloud: `up` from nothing ends with a working lab all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.smoke import smoke_lab
from provision.lifecycle.status import status_lab
from provision.resources.clouds import Cloud
from tests.provision.injection import Admin, Heard, Inject
from tests.provision.labs import cleaned_up, openai_lab
from tripcurve.errors import TargetUnavailable

Fault = dict[str, Any]
SERVICE = "/Microsoft.ApiManagement/service/[^/]+$"
ROLE = {"action": "slow", "path": "/roleAssignments/", "method": "PUT", "seconds": 3600}
AWKWARD: dict[str, tuple[Fault, str]] = {
    "a change of the API conflicts after its import": (
        {"path": "/policies/policy$", "method": "PUT", "status": 409, "code": "PessimisticConcurrencyConflict"},
        "still applying an earlier change (409 PessimisticConcurrencyConflict); trying again for up to 5 minutes",
    ),
    "the API is unknown for a minute after its import": (
        {"path": "/policies/policy$", "method": "PUT", "status": 404, "code": "ResourceNotFound"},
        "the gateway does not know the imported API yet (404); trying again for up to 5 minutes",
    ),
    "a role takes long to have effect": (ROLE, "no effect yet (401), which takes up to 30 minutes; asking again for"),
    "the directory does not know a new identity": (
        {"path": "/roleAssignments/", "method": "PUT", "status": 400, "code": "PrincipalNotFound"},
        "the directory does not know the gateway's new identity yet (400 PrincipalNotFound); trying again for up to",
    ),
    "a purged name is not free yet": (
        {"path": SERVICE, "method": "PUT", "status": 409, "code": "ServiceAlreadyExistsInSoftDeletedState"},
        "the name is not free yet: its deleted owner is still being purged (409 ",
    ),
    "ARM throttles writes": (
        {"path": "/backends/[^/]+$", "method": "PUT", "status": 429, "retry_after_s": 300},
        "ARM throttles this subscription (429); trying again in 300 s",
    ),
    "ARM throttles reads, without Retry-After": (
        {"path": "/resourcegroups/[^/]+$", "method": "GET", "status": 429},
        "ARM throttles this subscription (429); trying again in 0.1 s",
    ),
}
"""For each: the fault, which `error` answers three times, and what `up` says while it waits."""
BY_THE_MODEL = ["a role takes long to have effect"]
BY_ARM = [pytest.param(what, marks=pytest.mark.control_plane) for what in AWKWARD if what not in BY_THE_MODEL]
"""Those that ARM shows alone; that the lab works in the end is tested without interrupts."""


class Patient(Heard):
    """Progress that counts waits, and a sleep without time that removes the faults at the third."""

    def __init__(self, admin: Admin) -> None:
        super().__init__()
        self._admin, self.slept = admin, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == 3:
            self._admin("DELETE")


def begin(inject: Inject, fault: Fault) -> None:
    inject(**{"action": "error", "count": 1 if "seconds" in fault else 3, **fault})


@pytest.mark.parametrize("what", AWKWARD)
def test_up_from_nothing_survives_it_with_a_working_lab(
    what: str, local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin
) -> None:
    (fault, said), lab, patient = AWKWARD[what], openai_lab(), Patient(admin)
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        begin(inject, fault)
        target = apply_lab(lab, local_cloud, state=state, progress=patient, sleep=patient.sleep).target
        assert len(patient.slept) >= 3
        assert [line for line in patient.troubles if said in line] == patient.troubles
        assert patient.troubles
        assert "failed" not in patient.endings
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        assert smoke_lab(lab, target).passed


class Hurried(Heard):
    """Progress that interrupts the command at its first wait, and once more while it stops: two Ctrl-C."""

    def trouble(self, what: str) -> None:
        super().trouble(what)
        raise KeyboardInterrupt

    def finished(self, how: str) -> None:
        super().finished(how)
        if self.troubles:
            raise KeyboardInterrupt


@pytest.mark.parametrize("what", BY_ARM + BY_THE_MODEL)
def test_two_interrupts_while_it_waits_leave_a_lab_that_the_next_up_finishes(
    what: str, local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin
) -> None:
    lab = openai_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        begin(inject, AWKWARD[what][0])
        with pytest.raises(KeyboardInterrupt):
            apply_lab(lab, local_cloud, state=state, progress=Hurried(), sleep=lambda _: None)
        assert status_lab(lab, local_cloud, state=state).standing in ("down", "partial", "up")
        admin("DELETE")
        target = apply_lab(lab, local_cloud, state=state, sleep=lambda _: None).target
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        assert smoke_lab(lab, target).passed


@pytest.mark.control_plane
def test_polls_go_to_the_operations_own_address_below_the_service(
    local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin
) -> None:
    lab, patient = openai_lab(), Patient(admin)
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("slow", SERVICE, method="PUT", seconds=0.1)
        inject("error", "/service/[^/]+/tenant/operation(Statuses|Results)/", method="GET", count=3)
        apply_lab(lab, local_cloud, state=state, progress=patient, sleep=patient.sleep)
        assert patient.slept == [local_cloud.poll_s] * 3
        assert not plan_lab(lab, local_cloud, state=state).has_changes


def test_a_role_that_never_has_an_effect_is_given_up_with_what_does_not_work(
    local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provision.lifecycle.ready.ROLE_LIMIT_S", 0.3)
    lab, heard = openai_lab(), Heard()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        begin(inject, ROLE)
        with pytest.raises(TargetUnavailable, match=r"does not answer: 401: .*role assignment is not in force"):
            apply_lab(lab, local_cloud, state=state, progress=heard, sleep=lambda _: None)
        assert heard.endings[-1] == "failed"
        assert state.load().endpoint is not None
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        admin("DELETE")
        apply_lab(lab, local_cloud, state=state)
