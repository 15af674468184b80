"""The types of the fields in request bodies, which are checked before any other rule.

Only fields that the handlers read are listed. Other keys are stored as they are, because a newer api-version may have
them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provision.local.arm.call import Json
from provision.local.arm.errors import ArmError

__all__ = [
    "AccountShape",
    "ApiShape",
    "BackendShape",
    "DeploymentShape",
    "FragmentShape",
    "GroupShape",
    "NamedValueShape",
    "OperationShape",
    "PlanShape",
    "PolicyShape",
    "ProductShape",
    "RoleAssignmentShape",
    "ServiceShape",
    "SettingsShape",
    "Shape",
    "SiteShape",
    "SubscriptionShape",
    "check_shape",
]

Text = Annotated[str, Field(max_length=4_000_000)] | None
Number = Annotated[int, Field(ge=-(2**31), lt=2**31)] | None


class Shape(BaseModel):
    """Base of all shapes. It is strict: a number is not accepted as text, nor text as a number."""

    model_config = ConfigDict(extra="allow", strict=True)


class _Named(Shape):
    name: Text = None


class _Sku(_Named):
    capacity: Number = None


class _Identity(Shape):
    type: Text = None
    assigned: dict[str, Json | None] | None = Field(None, alias="userAssignedIdentities")


class _Top(Shape):
    """A resource directly in a group."""

    location: Text = None
    kind: Text = None
    tags: dict[str, str] | None = None
    sku: _Sku | None = None
    identity: _Identity | None = None


class GroupShape(_Top):
    """The body of a resource group."""

    properties: Json | None = None


class PlanShape(_Top):
    """The body of an App Service plan."""

    properties: Json | None = None


class _Setting(Shape):
    name: str
    value: str | None = None


class _SiteConfig(Shape):
    app_settings: list[_Setting] | None = Field(None, alias="appSettings")


class _Site(Shape):
    site_config: _SiteConfig | None = Field(None, alias="siteConfig")


class SiteShape(_Top):
    """The body of a web app."""

    properties: _Site | None = None


class SettingsShape(Shape):
    """The body of a web app's application settings."""

    properties: dict[str, str | None] | None = None


class _Account(Shape):
    domain: Text = Field(None, alias="customSubDomainName")
    restore: bool | None = None


class AccountShape(_Top):
    """The body of an Azure OpenAI account."""

    properties: _Account | None = None


class _Model(_Named):
    version: Text = None
    format: Text = None


class _Deployment(Shape):
    model: _Model | None = None


class DeploymentShape(_Top):
    """The body of a model deployment."""

    properties: _Deployment | None = None


class _Service(Shape):
    email: Text = Field(None, alias="publisherEmail")
    publisher: Text = Field(None, alias="publisherName")
    restore: bool | None = None


class ServiceShape(_Top):
    """The body of an API Management service."""

    properties: _Service | None = None


class _Pool(Shape):
    services: list[Json] | None = None


class _Condition(Shape):
    ranges: list[Json] | None = Field(None, alias="statusCodeRanges")
    reasons: list[str] | None = Field(None, alias="errorReasons")
    interval: Text = None


class _Rule(_Named):
    condition: _Condition | None = Field(None, alias="failureCondition")
    trip_duration: Text = Field(None, alias="tripDuration")
    accept_retry_after: bool | None = Field(None, alias="acceptRetryAfter")


class _Breaker(Shape):
    rules: list[_Rule] | None = None


class _Backend(Shape):
    url: Text = None
    protocol: Text = None
    title: Text = None
    description: Text = None
    type: Text = None
    pool: _Pool | None = None
    breaker: _Breaker | None = Field(None, alias="circuitBreaker")


class BackendShape(Shape):
    """The body of a backend or a pool."""

    properties: _Backend | None = None


class _KeyNames(Shape):
    header: Text = None
    query: Text = None
    bearer: Text = None


class _Api(Shape):
    display_name: Text = Field(None, alias="displayName")
    path: Text = None
    format: Text = None
    value: Text = None
    service_url: Text = Field(None, alias="serviceUrl")
    subscription_required: bool | None = Field(None, alias="subscriptionRequired")
    key_names: _KeyNames | None = Field(None, alias="subscriptionKeyParameterNames")


class ApiShape(Shape):
    """The body of an API."""

    properties: _Api | None = None


class _Operation(Shape):
    display_name: Text = Field(None, alias="displayName")
    method: Text = None
    url_template: Text = Field(None, alias="urlTemplate")


class OperationShape(Shape):
    """The body of an API's operation."""

    properties: _Operation | None = None


class _Document(Shape):
    format: Text = None


class PolicyShape(Shape):
    """The body of a policy. The document itself is checked by its compiler."""

    properties: _Document | None = None


class FragmentShape(Shape):
    """The body of a policy fragment. The document itself is checked by its compiler."""

    properties: _Document | None = None


class _NamedValue(Shape):
    display_name: Text = Field(None, alias="displayName")
    secret: bool | None = None


class NamedValueShape(Shape):
    """The body of a named value."""

    properties: _NamedValue | None = None


class _Product(Shape):
    display_name: Text = Field(None, alias="displayName")
    state: Text = None
    subscription_required: bool | None = Field(None, alias="subscriptionRequired")


class ProductShape(Shape):
    """The body of a product."""

    properties: _Product | None = None


class _Subscription(Shape):
    display_name: Text = Field(None, alias="displayName")
    scope: Text = None
    state: Text = None
    primary: Text = Field(None, alias="primaryKey")
    secondary: Text = Field(None, alias="secondaryKey")


class SubscriptionShape(Shape):
    """The body of a subscription to APIs."""

    properties: _Subscription | None = None


class _RoleAssignment(Shape):
    role: Text = Field(None, alias="roleDefinitionId")
    principal: Text = Field(None, alias="principalId")
    kind: Text = Field(None, alias="principalType")


class RoleAssignmentShape(Shape):
    """The body of a role assignment."""

    properties: _RoleAssignment | None = None


def check_shape(shape: type[Shape], body: Json) -> None:
    """Check a request's body. Raises ArmError 400 with one detail for each value of the wrong type."""
    try:
        shape.model_validate(body)
    except ValidationError as error:
        details = [_detail(fault) for fault in error.errors(include_url=False, include_input=False)]
        raise ArmError(
            400, "ValidationError", "One or more fields contain incorrect values:", details=details
        ) from None


def _detail(fault: Any) -> Json:
    target = ".".join(str(part) for part in fault["loc"] if part != "properties")
    return {"code": "ValidationError", "target": target, "message": str(fault["msg"])}
