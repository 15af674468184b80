"""Which api-versions the control plane takes, and how ARM refuses the others."""

from __future__ import annotations

from datetime import date

import pytest

from provision.local.arm.call import ArmCall
from provision.local.arm.errors import ArmError
from provision.local.arm.versions import API_MANAGEMENT, check_version, namespace_of
from tests.provision.local.running import Running

GROUP = "/subscriptions/s/resourceGroups/g"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/a"
TODAY = date(2026, 11, 29)


def call(path: str, version: str) -> ArmCall:
    return ArmCall("GET", path, {"api-version": version}, {}, None, "https://127.0.0.1")


@pytest.mark.parametrize("version", [*API_MANAGEMENT, "2026-11-29", "2026-06-01-preview"])
def test_an_api_version_that_exists_or_may_exist_by_now_is_taken(version: str) -> None:
    check_version(call(f"{SERVICE}/backends/b", version), TODAY)


@pytest.mark.parametrize("version", ["2099-01-01", "2026-11-30", "2024-05-02", "2023-01-01", "1", "latest", "", "2024"])
def test_an_api_version_that_api_management_cannot_know_is_refused_with_those_that_it_knows(version: str) -> None:
    with pytest.raises(ArmError) as refused:
        check_version(call(f"{SERVICE}/backends/b", version), TODAY)
    assert (refused.value.status, refused.value.code) == (400, "NoRegisteredProviderFound")
    assert f"API version '{version}' for type 'service'" in refused.value.message
    assert "'2026-03-01-preview, 2025-09-01-preview, " in refused.value.message


@pytest.mark.parametrize(
    ("path", "version", "code"),
    [
        (GROUP, "2025-04-01", None),
        (GROUP, "2099-04-01", "InvalidApiVersionParameter"),
        ("/subscriptions/s/providers/Microsoft.Web", "1", "InvalidApiVersionParameter"),
        (f"{GROUP}/providers/Microsoft.Web/sites/w", "2016-08-01", None),
        (f"{GROUP}/providers/Microsoft.Web/sites/w", "2027-01-01", "NoRegisteredProviderFound"),
        (f"{SERVICE}/providers/Microsoft.Authorization/roleAssignments/r", "2018-01-01-preview", None),
    ],
)
def test_other_providers_take_every_date_until_today(path: str, version: str, code: str | None) -> None:
    refused = None
    try:
        check_version(call(path, version), TODAY)
    except ArmError as error:
        refused = error.code
    assert refused == code


@pytest.mark.parametrize(
    ("path", "namespace"),
    [
        ("/subscriptions/s", "Microsoft.Resources"),
        ("/subscriptions/s/providers/Microsoft.Web", "Microsoft.Resources"),
        (SERVICE.replace("providers", "Providers"), "Microsoft.ApiManagement"),
        (f"{SERVICE}/providers/Microsoft.Authorization/roleAssignments", "Microsoft.Authorization"),
    ],
)
def test_the_last_provider_in_a_path_answers_it(path: str, namespace: str) -> None:
    assert namespace_of(path) == namespace


def test_the_control_plane_refuses_an_unknown_api_version(running: Running, owner_token: str) -> None:
    path = f"/subscriptions/{running.connection['subscription_id']}/resourcegroups?api-version=2099-01-01"
    status, body = running.call("GET", path, headers={"Authorization": f"Bearer {owner_token}"})
    assert (status, body["error"]["code"]) == (400, "InvalidApiVersionParameter")
