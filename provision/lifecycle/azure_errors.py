"""Turn the errors of the Azure SDK into messages that say what is wrong and what to do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from provision.resources.clouds import Cloud
from tripcurve.errors import BadInput, TargetUnavailable, TripcurveError

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.core.rest import HttpResponse

__all__ = ["CLOCK_TOLERANCE_S", "SOFT_DELETED_CODES", "clock_offset_s", "explained", "remedy", "role_for"]

CLOCK_TOLERANCE_S = 300.0
"""Offset beyond which Entra and ARM refuse tokens."""

ROLE_WRITE = "microsoft.authorization/roleassignments/write"

PERMISSION = re.compile(r"action '(?P<action>[^']+)'(?:.*?scope '(?P<scope>[^']+)')?", re.DOTALL)

QUOTA_CODES = {"QuotaExceeded", "InsufficientQuota", "SubscriptionQuotaExceeded", "SkuNotAvailable"}
TAKEN_CODES = {"ServiceAlreadyExists", "CustomDomainInUse", "WebsiteAlreadyExists", "NameUnavailable"}
REGION_CODES = {
    "LocationNotAvailableForResourceType",
    "DeploymentModelNotSupported",
    "InvalidResourceProperties",
    "ModelNotFound",
    "ServiceModelDeprecated",
}
VERSION_CODES = {"NoRegisteredProviderFound", "InvalidApiVersionParameter", "InvalidResourceType"}
SUBSCRIPTION_CODES = {"SubscriptionNotFound", "InvalidSubscriptionId", "MissingSubscription"}
SOFT_DELETED_CODES = {"FlagMustBeSetForRestore", "ServiceAlreadyExistsInSoftDeletedState"}


@contextmanager
def explained(cloud: Cloud, wall_clock: Callable[[], float] = time.time) -> Iterator[None]:
    """Turn the SDK's errors inside into TargetUnavailable or BadInput, with a remedy."""
    from azure.core import exceptions

    try:
        yield
    except exceptions.ClientAuthenticationError as error:
        if (quota := _site_quota(error)) is not None:
            raise quota from None
        raise _sign_in(error, cloud, wall_clock()) from None
    except exceptions.HttpResponseError as error:
        raise remedy(error, cloud) from None
    except (exceptions.ServiceRequestError, exceptions.ServiceResponseError) as error:
        raise TargetUnavailable(
            f"cannot reach {cloud.management_url}: {_first_line(str(error))}; finished steps are kept, "
            "and running the same command again continues from there"
        ) from None


def _site_quota(error: HttpResponseError) -> TripcurveError | None:
    """Return the error for a 401 that means no App Service quota [AZCLI-31665]; None for any other 401."""
    message = _plain_message(getattr(error, "response", None))
    if "quota" not in message.lower():
        return None
    return TargetUnavailable(
        f"quota: {_first_line(message).rstrip('.')}; ask for more App Service instances of this tier and region in the "
        "portal (Quotas, App Service), or change the backend's location"
    )


def _plain_message(response: Any) -> str:
    """Return the message of an answer, which App Service writes `{"Code", "Message"}` or inside `error`; else ''."""
    try:
        body = json.loads(response.text())
        inner = {name.lower(): value for name, value in body.items()}
        if isinstance(inner.get("error"), dict):
            inner = {name.lower(): value for name, value in inner["error"].items()}
    except (AttributeError, TypeError, ValueError):
        return ""
    return str(inner.get("message") or "")


def _sign_in(error: HttpResponseError, cloud: Cloud, now: float) -> TripcurveError:
    """Return the error for a 401 of the service, or for a missing credential."""
    offset = clock_offset_s(getattr(error, "response", None), now)
    if offset is not None and abs(offset) > CLOCK_TOLERANCE_S:
        ahead = "ahead" if offset > 0 else "behind"
        return TargetUnavailable(
            f"this machine's clock is {abs(offset):.0f} s {ahead}, so that no token is valid; set the clock"
        )
    text = str(error)
    if "InvalidAuthenticationTokenTenant" in text or "AADSTS50020" in text or "AADSTS90072" in text:
        return TargetUnavailable(
            f"signed in to another tenant than that of subscription {cloud.subscription_id}; "
            "run `az login --tenant <its tenant>`, or set AZURE_TENANT_ID"
        )
    if cloud.kind == "local":
        return TargetUnavailable(
            f"the sign-in at the local cloud {cloud.management_url} failed; its connection line is probably from an "
            "earlier start: use the line that the running `tripcurve local` printed"
        )
    if type(error).__name__ == "CredentialUnavailableError" or getattr(error, "response", None) is None:
        return TargetUnavailable(
            f"no credential for {cloud.explain()}; run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
            "AZURE_CLIENT_SECRET of a service principal"
        )
    return TargetUnavailable(f"{cloud.explain()} refused the sign-in: {_first_line(text)}")


def clock_offset_s(response: HttpResponse | None, now: float) -> float | None:
    """Return the seconds that this machine is ahead of the server; None if there is no answer, or it has no date."""
    date = None if response is None else response.headers.get("Date")
    try:
        return None if date is None else now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def remedy(error: HttpResponseError, cloud: Cloud) -> TripcurveError:
    """Return our error for a refusal of ARM. It quotes the service's message, which never contains our secrets."""
    code = _code(error)
    message = _message(error)
    if code in ("AuthorizationFailed", "LinkedAuthorizationFailed"):
        return TargetUnavailable(_permission(message, cloud))
    if code in SUBSCRIPTION_CODES:
        return TargetUnavailable(
            f"subscription {cloud.subscription_id} is not visible to this sign-in ({code}); `az account list` shows "
            "those that are; name one in the lab's subscription_id or in AZURE_SUBSCRIPTION_ID"
        )
    if code in VERSION_CODES:
        return BadInput(_unknown_version(error, message))
    if code == "MissingSubscriptionRegistration":
        return TargetUnavailable(f"{message}; register the provider once with `az provider register -n <namespace>`")
    if code in QUOTA_CODES or "quota" in message.lower():
        return TargetUnavailable(f"quota: {message}; lower the lab's capacity or units, or take another region")
    if code in SOFT_DELETED_CODES:
        return TargetUnavailable(
            f"the name is held by a soft-deleted resource: {message}; "
            "`tripcurve down LAB --purge` frees it if this lab deleted it"
        )
    if code in TAKEN_CODES or "name is not available" in message.lower() or "already exists" in message.lower():
        return TargetUnavailable(
            f"name taken: {message}; names of gateways, accounts and web apps are unique in all Azure: choose another"
        )
    if code in REGION_CODES:
        return BadInput(f"not available in this region: {message}; change the lab's location or model")
    if error.status_code == 412:
        return TargetUnavailable("somebody else changed this resource at the same time; run the command again")
    if error.status_code is not None and 400 <= error.status_code < 500 and error.status_code not in (408, 409, 429):
        return BadInput(f"the service refused: {code}: {message}")
    return TargetUnavailable(f"the service failed: {code}: {message}")


def _unknown_version(error: HttpResponseError, message: str) -> str:
    """Return the message for an api-version that the cloud does not know. The lab sets that of backends."""
    request = getattr(getattr(error, "response", None), "request", None)
    if "/backends" in str(getattr(request, "url", "")).lower():
        return f"gateway.api_version: {message}; name one of these in the lab"
    return (
        f"{message}; the installed Azure SDK for Python speaks a version that this cloud does not know: install the "
        "versions in requirements.lock"
    )


def _permission(message: str, cloud: Cloud) -> str:
    """Return the message for a missing role, with the scope it is missing on."""
    match = PERMISSION.search(message)
    action = "?" if match is None else match["action"]
    scope = f"/subscriptions/{cloud.subscription_id}" if match is None or match["scope"] is None else match["scope"]
    return f"permission missing: {action} on {scope}; ask for the role `{role_for(action)}` there"


def role_for(operation: str) -> str:
    """Return the built-in role to ask for when an operation is not allowed."""
    return "Role Based Access Control Administrator" if operation.lower() == ROLE_WRITE else "Contributor"


def _code(error: HttpResponseError) -> str:
    if error.error is not None and error.error.code:
        return str(error.error.code)
    return str(error.reason or error.status_code)


def _message(error: HttpResponseError) -> str:
    """Return the service's message with that of each detail, on one line."""
    if error.error is None:
        return _first_line(error.message)
    details = [f"{item.target}: {item.message}" for item in error.error.details or [] if item.message]
    return " ".join([_first_line(error.error.message or ""), *details]).strip().rstrip(".")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
