"""The web apps of the mock, and the App Service plans that they run on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from provision.resources.base import Fields, Found, Resource, none_if_absent, wait_for
from provision.resources.group import plain_location
from tripcurve.lab import Backend, Model

__all__ = ["ServicePlan", "Site", "mock_settings"]

DEPLOYMENT_SETTING = "TRIPCURVE_MOCK_DEPLOYMENT"
LATENCY_SETTING = "TRIPCURVE_MOCK_LATENCY"
LIMITS_SETTING = "TRIPCURVE_MOCK_LIMITS"
PLAN_SKU = "B1"
PORT = "8000"


class ServicePlan(Resource):
    """The Linux plan of the mock web apps of one region."""

    type = "app service plan"
    fixed: ClassVar[Mapping[str, str]] = {"location": "backends[].location"}
    taggable = True

    @property
    def id(self) -> str:
        return f"{self.context.group_id}/providers/Microsoft.Web/serverfarms/{self.name}"

    @property
    def location(self) -> str:
        return self.name.rsplit("-", 1)[1]

    def desired(self) -> Fields:
        return {"location": self.location, "sku": PLAN_SKU}

    def read(self) -> Found | None:
        plans = self.context.clients.web.app_service_plans
        plan = none_if_absent(lambda: plans.get(self.context.lab.resource_group, self.name))
        if plan is None:
            return None
        sku = None if plan.sku is None else plan.sku.name
        return Found({"location": plain_location(plan.location), "sku": sku}, tags=plan.tags or {})

    def put(self, found: Found | None) -> None:
        from azure.mgmt.web import models

        body = models.AppServicePlan(
            location=self.location,
            kind="linux",
            tags=self.context.tags,
            sku=models.SkuDescription(name=PLAN_SKU, tier="Basic", capacity=1),
            properties=models.AppServicePlanProperties(reserved=True),  # `reserved` means Linux
        )
        plans = self.context.clients.web.app_service_plans
        poller = plans.begin_create_or_update(self.context.lab.resource_group, self.name, body)
        wait_for(poller, self.context.heartbeat)

    def delete(self) -> None:
        plans = self.context.clients.web.app_service_plans
        none_if_absent(lambda: plans.delete(self.context.lab.resource_group, self.name))


@dataclass(eq=False)
class Site(Resource):
    """One mock web app: the mock's container, with its quota and latency as app settings."""

    type = "mock web app"
    fixed: ClassVar[Mapping[str, str]] = {"location": "backends[].location"}
    taggable = True
    plan: ServicePlan = field(kw_only=True)

    @property
    def id(self) -> str:
        return f"{self.context.group_id}/providers/Microsoft.Web/sites/{self.name}"

    @property
    def backend(self) -> Backend:
        """The lab's backend of this name."""
        return next(backend for backend in self.context.lab.backends if backend.name == self.name)

    def desired(self) -> Fields:
        image = self.context.cloud.mock_image
        backend = self.backend
        fields: Fields = {
            "location": self.plan.location,
            "deployment": _deployment(self.context.lab.model),
            "latency": None if backend.latency is None else backend.latency.model_dump(),
            "limits": None if backend.limits is None else backend.limits.model_dump(),
        }
        return fields if image is None else {**fields, "image": image}

    def obstacle(self) -> str | None:
        if self.context.cloud.mock_image is not None or self.context.cloud.kind == "local":
            return None
        return (
            f"backend {self.name}: a mock on Azure runs from a container image; build the Containerfile in "
            "provision/local/mock, push it to a registry, and name the image in TRIPCURVE_MOCK_IMAGE"
        )

    def read(self) -> Found | None:
        apps, group = self.context.clients.web.web_apps, self.context.lab.resource_group
        site = none_if_absent(lambda: apps.get(group, self.name))
        if site is None:
            return None
        settings = apps.list_application_settings(group, self.name).properties or {}
        fields: Fields = {
            "location": plain_location(site.location),
            "deployment": _parsed(settings.get(DEPLOYMENT_SETTING)),
            "latency": _parsed(settings.get(LATENCY_SETTING)),
            "limits": _parsed(settings.get(LIMITS_SETTING)),
        }
        if self.context.cloud.mock_image is not None:
            config = apps.get_configuration(group, self.name).properties
            version = None if config is None else config.linux_fx_version
            fields["image"] = None if version is None else version.removeprefix("DOCKER|")
        return Found(fields, tags=site.tags or {})

    def put(self, found: Found | None) -> None:
        apps = self.context.clients.web.web_apps
        poller = apps.begin_create_or_update(self.context.lab.resource_group, self.name, self._body())
        wait_for(poller, self.context.heartbeat)

    def _body(self) -> Any:
        from azure.mgmt.web import models

        image = self.context.cloud.mock_image
        settings = {**mock_settings(self.backend, self.context.lab.model), "WEBSITES_PORT": PORT}
        config = models.SiteConfig(
            app_settings=[models.NameValuePair(name=name, value=value) for name, value in settings.items()],
            linux_fx_version=None if image is None else f"DOCKER|{image}",
            always_on=True,  # a mock that sleeps would answer its first request in seconds
        )
        properties = models.SiteProperties(server_farm_id=self.plan.id, site_config=config, https_only=True)
        return models.Site(location=self.plan.location, tags=self.context.tags, properties=properties)

    def delete(self) -> None:
        apps = self.context.clients.web.web_apps
        group = self.context.lab.resource_group
        # Keep the plan: it has a step of its own, and may not be ours.
        none_if_absent(lambda: apps.delete(group, self.name, delete_empty_server_farm=False))


def mock_settings(backend: Backend, model: Model) -> dict[str, str]:
    """Return the app settings for the mock: its deployment, quota and latency. Without the last two it has neither."""
    parts = {LATENCY_SETTING: backend.latency, LIMITS_SETTING: backend.limits}
    settings = {name: part.model_dump(exclude_none=True) for name, part in parts.items() if part is not None}
    settings[DEPLOYMENT_SETTING] = _deployment(model)
    return {name: json.dumps(value, separators=(",", ":")) for name, value in settings.items()}


def _deployment(model: Model) -> dict[str, str]:
    return {"name": model.deployment, "model": model.name, "version": model.version}


def _parsed(setting: str | None) -> Any:
    """Return the JSON value of a setting; its text if it is not JSON, None if it is not set."""
    try:
        return None if setting is None else json.loads(setting)
    except ValueError:
        return setting
