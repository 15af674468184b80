"""Names that are free, taken by somebody else, or held by a soft-deleted resource."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provision.doctor.findings import Finding
from provision.doctor.names import names
from provision.lifecycle.apply import apply_lab
from provision.lifecycle.down import down_lab
from provision.lifecycle.state import StateFile
from provision.resources.clouds import Cloud
from tests.provision.injection import Inject
from tests.provision.labs import altered, cleaned_up, mock_lab, openai_lab, opened
from tripcurve.lab import Lab

pytestmark = pytest.mark.control_plane


def names_of(lab: Lab, cloud: Cloud) -> list[Finding]:
    with opened(lab, cloud) as context:
        return names(context)


def texts(findings: list[Finding], level: str) -> list[str]:
    return [finding.detail for finding in findings if finding.level == level]


@pytest.mark.parametrize("make", [mock_lab, openai_lab])
def test_free_names_are_ok(make: Callable[[], Lab], local_cloud: Cloud) -> None:
    found = names_of(make(), local_cloud)
    assert [finding.level for finding in found] == ["ok", "ok"]
    assert all(finding.detail.endswith("is free") for finding in found)


@pytest.mark.parametrize("make", [mock_lab, openai_lab])
def test_names_of_somebody_else_are_errors_and_the_labs_own_are_not(
    make: Callable[[], Lab], local_cloud: Cloud, tmp_path: Path
) -> None:
    lab = make()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        assert len(texts(names_of(lab, local_cloud), "ok")) == 2
        other = altered(lab, resource_group=f"{lab.resource_group}-other")
        taken = names_of(other, local_cloud)
        assert [finding.level for finding in taken] == ["error", "error"]
        assert all("already" in finding.detail for finding in taken)
        assert all("unique in all Azure" in (finding.remedy or "") for finding in taken)
        assert {finding.exit_code for finding in taken} == {3}


def test_a_soft_deleted_resource_holds_its_name_until_it_is_purged(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    state = StateFile.of(lab, local_cloud, tmp_path)
    apply_lab(lab, local_cloud, state=state)
    down_lab(lab, local_cloud, state=state)
    account, gateway = names_of(lab, local_cloud)
    assert (account.level, gateway.level) == ("error", "error")
    assert "a soft-deleted one holds the name" in gateway.detail
    assert gateway.remedy == (
        f"free it with `az apim deletedservice purge --service-name {lab.gateway.name} --location eastus`"
    )
    assert "az cognitiveservices account purge" in (account.remedy or "")
    elsewhere = altered(lab, resource_group=f"{lab.resource_group}-other")
    assert {finding.level for finding in names_of(elsewhere, local_cloud)} == {"error"}
    down_lab(lab, local_cloud, purge=True, state=state)
    assert {finding.level for finding in names_of(lab, local_cloud)} == {"ok"}


def test_an_invalid_name_is_quoted_from_the_service(local_cloud: Cloud, inject: Inject) -> None:
    body = {"nameAvailable": False, "reason": "Invalid", "message": "the word is reserved"}
    inject("answer", "/checkNameAvailability$", body=body, count=9)
    found = [finding for finding in names_of(mock_lab(), local_cloud) if finding.level == "error"]
    assert [finding.detail.partition(": ")[2] for finding in found] == ["the word is reserved"] * 2
