"""All checks of a lab together: what ends them early, and that they change nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from provision.doctor.examination import CHECKS, examine
from provision.doctor.findings import Diagnosis, ok
from provision.lifecycle.apply import apply_lab
from provision.resources.clouds import Cloud, local
from tests.provision.injection import Inject
from tests.provision.labs import altered, cleaned_up, mock_lab, openai_lab, opened, pool_lab
from tripcurve.errors import BadInput
from tripcurve.lab import Lab

pytestmark = pytest.mark.control_plane


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the lab's policy as compiled, which is a process of its own."""
    monkeypatch.setattr("provision.doctor.examination.policy", lambda _: [ok("policy", "compiles")])


def examined(lab: Lab, cloud: Cloud | BadInput, folder: Path, **more: Any) -> Diagnosis:
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump(lab.model_dump(mode="json")), encoding="utf-8")
    return examine(lab, cloud, path, **more)


def of(found: Diagnosis, check: str) -> list[tuple[str, str]]:
    return [(finding.level, finding.detail) for finding in found.findings if finding.check == check]


def everything(lab: Lab, cloud: Cloud) -> list[str]:
    with opened(lab, cloud) as context:
        return sorted(item.id or "" for item in context.clients.resources.resources.list())


@pytest.mark.parametrize("make", [mock_lab, openai_lab, pool_lab])
@pytest.mark.usefixtures("compiled")
def test_a_lab_that_can_be_created_has_no_error_and_nothing_is_changed(
    make: Any, local_cloud: Cloud, tmp_path: Path
) -> None:
    lab = make()
    before = everything(lab, local_cloud)
    found = examined(lab, local_cloud, tmp_path)
    assert [finding for finding in found.findings if finding.level == "error"] == []
    assert found.exit_code == 0
    assert of(found, "plan")[0][1].endswith("to create")
    assert everything(lab, local_cloud) == before


def test_every_remedy_is_there_and_every_check_has_a_finding(local_cloud: Cloud, tmp_path: Path) -> None:
    found = examined(openai_lab(), local_cloud, tmp_path).findings
    assert {"open files", "Locust", "policy", "sign-in", "clock", "region", "plan", *CHECKS} == {
        finding.check for finding in found
    }
    assert all((finding.remedy is None) == (finding.level == "ok") for finding in found)


@pytest.mark.usefixtures("compiled")
def test_after_up_there_is_nothing_to_do(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        found = examined(lab, local_cloud, tmp_path, state=state)
    assert found.exit_code == 0
    assert of(found, "plan") == [("ok", "nothing to do: everything matches the lab")]


def test_without_a_subscription_this_machine_is_checked_all_the_same(tmp_path: Path) -> None:
    found = examined(mock_lab(), BadInput("no Azure subscription is named; set AZURE_SUBSCRIPTION_ID"), tmp_path)
    assert (found.exit_code, found.cloud, found.subscription_id) == (2, "none", None)
    assert of(found, "sign-in") == [("error", "no Azure subscription is named")]
    assert of(found, "policy") == [("ok", "compiles")]
    assert [level for level, _ in of(found, "other checks")] == ["warning"]


@pytest.mark.usefixtures("compiled")
def test_a_failed_sign_in_is_one_error_and_ends_the_checks(connection: dict[str, Any], tmp_path: Path) -> None:
    found = examined(mock_lab(), local({**connection, "client_secret": "wrong"}), tmp_path)
    assert found.exit_code == 3
    assert [finding.check for finding in found.findings if finding.level == "error"] == ["sign-in"]
    assert found.findings[-1].check == "other checks"


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (404, "SubscriptionNotFound", "is not visible to this sign-in"),
        (403, "AuthorizationFailed", "permission missing"),
        (401, "InvalidAuthenticationTokenTenant", "tenant"),
    ],
)
@pytest.mark.usefixtures("compiled")
def test_a_subscription_that_is_not_visible_is_an_error(
    status: int, code: str, said: str, local_cloud: Cloud, inject: Inject, tmp_path: Path
) -> None:
    inject("error", "/subscriptions/[^/]+$", status=status, code=code, message=f"{code}.", count=9)
    found = examined(mock_lab(), local_cloud, tmp_path)
    ((level, detail),) = of(found, "sign-in")
    assert level == "error"
    assert said in detail
    assert found.exit_code == 3


@pytest.mark.usefixtures("compiled")
def test_a_clock_that_is_far_off_ends_the_checks(local_cloud: Cloud, tmp_path: Path) -> None:
    found = examined(mock_lab(), local_cloud, tmp_path, wall_clock=lambda: time.time() - 3600)
    assert [finding.check for finding in found.findings if finding.level == "error"] == ["clock"]
    assert of(found, "plan") == []


@pytest.mark.usefixtures("compiled")
def test_a_check_that_the_service_refuses_is_a_warning_and_the_others_go_on(
    local_cloud: Cloud, inject: Inject, tmp_path: Path
) -> None:
    inject("error", "/providers/Microsoft.ApiManagement$", status=500, code="InternalServerError", count=99)
    found = examined(mock_lab(), local_cloud, tmp_path)
    ((level, detail),) = of(found, "provider")
    assert level == "warning"
    assert detail.startswith("could not be checked: the service failed: InternalServerError")
    assert [level for level, _ in of(found, "name")] == ["ok", "ok"]
    assert [level for level, _ in of(found, "plan")] == ["ok"]
    assert found.exit_code == 0


@pytest.mark.usefixtures("compiled")
def test_a_resource_of_somebody_else_is_found_by_the_plan(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        found = examined(altered(lab, name=f"{lab.name}x"), local_cloud, tmp_path)
        ((level, detail),) = of(found, "plan")
    assert level == "error"
    assert f"belongs to lab {lab.name}" in detail
    assert found.exit_code == 2
