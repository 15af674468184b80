"""The api-versions that the control plane knows, and ARM's refusal of all others."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from provision.local.arm.call import ArmCall
from provision.local.arm.errors import ArmError

__all__ = ["API_MANAGEMENT", "check_version", "namespace_of"]

API_MANAGEMENT = (
    *("2016-07-07", "2016-10-10", "2017-03-01", "2018-01-01", "2018-06-01-preview", "2019-01-01"),
    *("2019-12-01-preview", "2019-12-01", "2020-06-01-preview", "2020-12-01", "2021-01-01-preview"),
    *("2021-04-01-preview", "2021-08-01", "2021-12-01-preview", "2022-04-01-preview", "2022-08-01"),
    *("2022-09-01-preview", "2023-03-01-preview", "2023-05-01-preview", "2023-09-01-preview", "2024-05-01"),
    *("2024-06-01-preview", "2024-10-01-preview", "2025-03-01-preview", "2025-09-01-preview", "2026-03-01-preview"),
)
"""Every api-version of Microsoft.ApiManagement until the newest of [SPEC26], oldest first."""

_FORM = re.compile(r"(\d{4}-\d{2}-\d{2})(-[a-z]+)?")


def namespace_of(path: str) -> str:
    """Return the resource provider that answers a path: Microsoft.Resources for groups, subscriptions and tenants."""
    below = re.split("/providers/", path, flags=re.IGNORECASE)[-1] if "/providers/" in path.lower() else ""
    namespace = below.split("/")[0]
    return namespace if "/" in below else "Microsoft.Resources"


def check_version(call: ArmCall, today: date | None = None) -> None:
    """Raise ArmError 400 unless the call's api-version can exist.

    API Management's are listed. Of other providers, and of API Management after the newest that is listed, every date
    until `today` is accepted, because a newer SDK may use it; None means today in UTC.
    """
    version, now = call.api_version, datetime.now(UTC).date() if today is None else today
    form = _FORM.fullmatch(version)
    possible = form is not None and form[1] <= now.isoformat()
    namespace = namespace_of(call.path)
    listed = namespace.lower() == "microsoft.apimanagement"
    if possible and (not listed or version in API_MANAGEMENT or version > API_MANAGEMENT[-1]):
        return
    if namespace == "Microsoft.Resources":
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are dates until today.",
        )
    kind = call.path.lower().partition(f"{namespace.lower()}/")[2].split("/")[0]
    known = ", ".join(reversed(API_MANAGEMENT)) if listed else "dates until today"
    raise ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for API version '{version}' for type '{kind}'. "
        f"The supported api-versions are '{known}'.",
    )
