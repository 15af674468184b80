"""Quotas with and without room, as the check and `up` see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision.doctor.findings import Finding
from provision.doctor.quota import model_quota, site_quota
from provision.lifecycle.apply import apply_lab
from provision.resources.clouds import Cloud
from tests.provision.injection import Inject
from tests.provision.labs import altered, cleaned_up, mock_lab, openai_lab, opened
from tripcurve.errors import TargetUnavailable
from tripcurve.lab import Lab

pytestmark = pytest.mark.control_plane

MODELS = "/Microsoft.CognitiveServices/locations/eastus/usages$"
SITES = "/Microsoft.Web/locations/eastus/usages$"


def models_of(lab: Lab, cloud: Cloud) -> list[Finding]:
    with opened(lab, cloud) as context:
        return model_quota(context)


def usage(name: str, used: float, limit: float) -> dict[str, Any]:
    return {"name": {"value": name, "localizedValue": name}, "currentValue": used, "limit": limit, "unit": "Count"}


def quota_of(lab: Lab) -> str:
    return f"OpenAI.{lab.model.sku}.{lab.model.name}"


def test_a_capacity_that_fits_exactly_is_ok_and_one_more_is_not(local_cloud: Cloud, inject: Inject) -> None:
    lab = openai_lab()
    for used, level in ((70, "ok"), (71, "error")):
        inject(
            "answer", MODELS, body={"value": [usage(quota_of(lab), used, 100), usage("OpenAI.S0.AccountCount", 0, 1)]}
        )
        accounts, capacity = models_of(altered(lab, model={**lab.model.model_dump(), "capacity": 30}), local_cloud)
        assert (accounts.level, capacity.level) == ("ok", level)
        assert f"({used} of 100 used)" in capacity.detail
    assert capacity.exit_code == 3
    assert capacity.remedy


def test_a_region_with_too_many_accounts_is_an_error(local_cloud: Cloud, inject: Inject) -> None:
    inject("answer", MODELS, body={"value": [usage("OpenAI.S0.AccountCount", 30, 30)]})
    accounts, capacity = models_of(openai_lab(), local_cloud)
    assert (accounts.level, capacity.level) == ("error", "warning")
    assert "the service lists no limit" in capacity.detail


def test_quotas_that_cannot_be_read_are_warnings(local_cloud: Cloud, inject: Inject) -> None:
    inject("error", MODELS, status=403, code="AuthorizationFailed")
    assert [found.level for found in models_of(openai_lab(), local_cloud)] == ["warning", "warning"]


def test_up_is_refused_by_the_quota_that_the_check_names(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    greedy = altered(lab, model={**lab.model.model_dump(), "capacity": 1_000_000})
    assert [found.level for found in models_of(greedy, local_cloud)] == ["ok", "error"]
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        assert [found.level for found in models_of(lab, local_cloud)] == []
        (found,) = models_of(greedy, local_cloud)
        more = 1_000_000 - lab.model.capacity
        assert found.level == "error"
        assert f"no room for {more:,} more ({lab.model.capacity} of 10,000 used)" in found.detail
        with pytest.raises(TargetUnavailable, match="quota: This operation require 1000000 new capacity"):
            apply_lab(greedy, local_cloud, state=state)


@pytest.mark.parametrize(
    ("usages", "level"),
    [
        ([usage("Basic VMs", 9, 10)], "ok"),
        ([usage("Basic VMs", 10, 10)], "error"),
        ([usage("B1 VMs", 0, 0)], "error"),
        ([usage("Premium VMs", 0, 0)], "warning"),
        ([], "warning"),
    ],
)
def test_app_service_instances_are_counted(
    usages: list[dict[str, Any]], level: str, local_cloud: Cloud, inject: Inject
) -> None:
    inject("answer", SITES, body={"value": usages})
    with opened(mock_lab(), local_cloud) as context:
        (found,) = site_quota(context)
    assert found.level == level


def test_a_plan_that_exists_needs_no_further_instance(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state, opened(lab, local_cloud) as context:
        assert [found.level for found in site_quota(context)] == ["ok"]
        apply_lab(lab, local_cloud, state=state)
        (found,) = site_quota(context)
        assert (found.level, found.detail) == ("ok", f"app service plan {lab.name}-mock-eastus exists")
