"""Providers, regions, tiers and models, each offered and not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provision.doctor.findings import Finding
from provision.doctor.offer import gateway_tier, models, providers
from provision.lifecycle.apply import apply_lab
from provision.resources.clouds import Cloud
from tests.provision.injection import Inject
from tests.provision.labs import altered, cleaned_up, mock_lab, openai_lab, opened
from tripcurve.errors import TargetUnavailable
from tripcurve.lab import Lab

pytestmark = pytest.mark.control_plane

NOW = datetime(2026, 11, 29, tzinfo=UTC)
SKUS = "/Microsoft.ApiManagement/skus$"


def providers_of(lab: Lab, cloud: Cloud) -> list[Finding]:
    with opened(lab, cloud) as context:
        return providers(context)


def tier_of(lab: Lab, cloud: Cloud) -> Finding:
    with opened(lab, cloud) as context:
        (found,) = gateway_tier(context)
        return found


def model_of(lab: Lab, cloud: Cloud, now: datetime | None = NOW) -> Finding:
    with opened(lab, cloud) as context:
        (found,) = models(context, now)
        return found


def levels(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.level) for finding in findings]


def test_registered_providers_that_offer_the_region_are_ok(local_cloud: Cloud) -> None:
    found = providers_of(openai_lab(), local_cloud)
    assert levels(found) == [("provider", "ok"), ("region", "ok")] * 2
    assert [finding.detail.partition(" ")[0] for finding in found[::2]] == [
        "Microsoft.ApiManagement",
        "Microsoft.CognitiveServices",
    ]


def test_a_provider_that_is_not_registered_is_an_error_and_up_is_refused(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with opened(lab, local_cloud) as context:
        context.clients.resources.providers.unregister("Microsoft.Web")
        try:
            found = [finding for finding in providers(context) if finding.level != "ok"]
            assert [finding.detail for finding in found] == ["Microsoft.Web is not registered in this subscription"]
            assert found[0].remedy == "run `az provider register --namespace Microsoft.Web --wait`"
            refused = pytest.raises(TargetUnavailable, match="register the provider once")
            with cleaned_up(lab, local_cloud, tmp_path) as state, refused:
                apply_lab(lab, local_cloud, state=state)
        finally:
            context.clients.resources.providers.register("Microsoft.Web")
        assert {finding.level for finding in providers(context)} == {"ok"}


def test_a_provider_that_is_being_registered_is_a_warning(local_cloud: Cloud, inject: Inject) -> None:
    body = {"namespace": "Microsoft.ApiManagement", "registrationState": "Registering", "resourceTypes": []}
    inject("answer", "/providers/Microsoft.ApiManagement$", body=body)
    found = providers_of(mock_lab(), local_cloud)
    assert levels(found)[:2] == [("provider", "warning"), ("region", "ok")]


def test_a_region_without_the_service_is_an_error_of_the_lab(local_cloud: Cloud) -> None:
    found = [each for each in providers_of(openai_lab(location="marsnorth"), local_cloud) if each.level == "error"]
    assert [each.detail for each in found] == [
        "Microsoft.ApiManagement/service is not offered in marsnorth",
        "Microsoft.CognitiveServices/accounts is not offered in marsnorth",
    ]
    assert {each.exit_code for each in found} == {2}
    assert "australiaeast" in (found[0].remedy or "")


def test_a_tier_that_is_offered_is_ok(local_cloud: Cloud) -> None:
    found = tier_of(mock_lab(), local_cloud)
    assert (found.level, found.detail) == ("ok", "BasicV2 with 1 unit is offered")


def test_more_units_than_the_tier_has_is_an_error_of_the_lab(local_cloud: Cloud) -> None:
    lab = mock_lab()
    many = altered(lab, gateway={**lab.gateway.model_dump(), "units": 11})
    found = tier_of(many, local_cloud)
    assert (found.level, found.exit_code) == ("error", 2)
    assert found.detail == "BasicV2 has at most 10 units; the lab asks for 11"


def row(name: str, *locations: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "service", "name": name, "locations": list(locations), **more}


@pytest.mark.parametrize(
    ("rows", "level", "said"),
    [
        (
            [row("BasicV2", "West US"), row("Developer", "East US")],
            "error",
            "not offered in eastus, which has Developer",
        ),
        ([row("BasicV2", "East US", restrictions=[{"type": "Location", "reasonCode": "QuotaId"}])], "error", "QuotaId"),
        (
            [
                row(
                    "BasicV2",
                    "East US",
                    restrictions=[{"restrictionInfo": {"locations": ["West US"]}, "reasonCode": "QuotaId"}],
                )
            ],
            "ok",
            "BasicV2 with 1 unit is offered",
        ),
        ([row("Premium", "East US")], "warning", "does not list the tier BasicV2"),
        ([], "warning", "does not list the tier BasicV2"),
    ],
)
def test_a_tier_that_is_not_offered_is_reported(
    rows: list[dict[str, Any]], level: str, said: str, local_cloud: Cloud, inject: Inject
) -> None:
    inject("answer", SKUS, body={"value": rows})
    found = tier_of(mock_lab(), local_cloud)
    assert found.level == level
    assert said in found.detail
    assert (found.remedy is None) == (level == "ok")


def test_tiers_that_cannot_be_listed_are_a_warning(local_cloud: Cloud, inject: Inject) -> None:
    inject("error", SKUS, status=403, code="AuthorizationFailed")
    assert tier_of(mock_lab(), local_cloud).level == "warning"


def entry(lab: Lab, **more: Any) -> dict[str, Any]:
    model = {"format": "OpenAI", "name": lab.model.name, "version": lab.model.version, "skus": [{"name": "Standard"}]}
    return {"value": [{"kind": "OpenAI", "skuName": "S0", "model": {**model, **more}}]}


@pytest.mark.parametrize(
    ("retires", "level", "said"),
    [
        ("2025-02-13T00:00:00Z", "error", "was retired on 2025-02-13"),
        ("2026-11-29T00:00:00Z", "error", "was retired on 2026-11-29"),
        ("2027-02-01T00:00:00Z", "warning", "retires on 2027-02-01"),
        ("2027-11-29T00:00:00Z", "ok", "is offered until 2027-11-29"),
        ("soon", "ok", "is offered"),
    ],
)
def test_a_models_retirement_is_reported(
    retires: str, level: str, said: str, local_cloud: Cloud, inject: Inject
) -> None:
    lab = altered(openai_lab(), model={"sku": "Standard"})
    inject("answer", "/models$", body=entry(lab, deprecation={"inference": retires}), count=9)
    found = model_of(lab, local_cloud)
    assert found.level == level
    assert said in found.detail
    assert found.exit_code == (2 if level == "error" else 0)


def test_a_region_without_the_model_or_the_deployment_type_is_an_error_of_the_lab(
    local_cloud: Cloud, inject: Inject
) -> None:
    elsewhere = model_of(openai_lab(location="ukwest"), local_cloud)
    assert (elsewhere.level, elsewhere.exit_code) == ("error", 2)
    assert "region ukwest does not offer" in elsewhere.detail
    assert elsewhere.remedy == "change the lab's location or model"
    lab = altered(openai_lab(), model={"sku": "GlobalBatch"})
    found = model_of(lab, local_cloud)
    assert (found.level, found.exit_code) == ("error", 2)
    assert "has no deployment type GlobalBatch; it has Standard" in found.detail


def test_models_that_cannot_be_listed_are_a_warning(local_cloud: Cloud, inject: Inject) -> None:
    inject("error", "/models$", status=403, code="AuthorizationFailed", count=9)
    assert model_of(openai_lab(), local_cloud).level == "warning"


def test_what_exists_is_not_asked_for_again(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        assert tier_of(lab, local_cloud).detail == f"gateway {lab.gateway.name} exists"
        assert model_of(lab, local_cloud).detail.endswith("exists")
