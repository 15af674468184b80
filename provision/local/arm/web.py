"""App Service, which runs the mock on Azure: plans, web apps and their application settings."""

from __future__ import annotations

import copy
import re

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import ArmError
from provision.local.arm.quotas import check_plan_quota
from provision.local.arm.regions import display_name, region
from provision.local.arm.router import Router
from provision.local.arm.shapes import PlanShape, SettingsShape, SiteShape, check_shape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["PLAN", "SITE", "Sites"]

SITE_TYPE = "Microsoft.Web/sites"
PLAN_TYPE = "Microsoft.Web/serverfarms"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?")


def _prepare_plan(draft: Draft) -> Json:
    location = region(draft.sent.get("location"), PLAN_TYPE)
    if draft.existing is None:
        check_plan_quota(draft.world, location)
    return {
        "location": display_name(location),
        "kind": draft.sent.get("kind", "app"),
        "sku": draft.sent.get("sku") or {"name": "B1", "tier": "Basic", "capacity": 1},
        "tags": draft.sent.get("tags") or {},
        "properties": {**copy.deepcopy(draft.properties), "status": "Ready", "provisioningState": "Succeeded"},
    }


def _prepare_site(draft: Draft) -> Json:
    if not _NAME.fullmatch(draft.name):
        raise ArmError(
            400, "BadRequest", f"The parameter name has an invalid value: '{draft.name}' is not a valid web app name."
        )
    for other in draft.world.store.of_kind(SITE_TYPE):
        if other.name.lower() == draft.name.lower() and other.id.lower() != draft.id.lower():
            raise ArmError(409, "Conflict", f"Website with given name {draft.name} already exists.")
    location = region(draft.sent.get("location"), SITE_TYPE)
    sent = copy.deepcopy(draft.properties)
    config = sent.pop("siteConfig", None) or {}
    settings = config.pop("appSettings", None)
    if settings is not None:
        draft.secrets["settings"] = {item["name"]: item.get("value") or "" for item in settings}
    host = f"{draft.name.lower()}.azurewebsites.net"
    return {
        "location": display_name(location),
        "kind": draft.sent.get("kind", "app"),
        "tags": draft.sent.get("tags") or {},
        "properties": {
            **sent,
            "siteConfig": config,
            "state": "Running",
            "enabled": True,
            "defaultHostName": host,
            "hostNames": [host],
            "enabledHostNames": [host, f"{draft.name.lower()}.scm.azurewebsites.net"],
        },
    }


PLAN = Kind(PLAN_TYPE, f"{_GROUP}/providers/{PLAN_TYPE}/{{plan}}", _prepare_plan, shape=PlanShape, created_status=200)
SITE = Kind(SITE_TYPE, f"{_GROUP}/providers/{SITE_TYPE}/{{site}}", _prepare_site, shape=SiteShape, created_status=200)


class Sites(Crud):
    """The handlers of web apps. Application settings are secrets, with operations of their own."""

    def __init__(self, world: World) -> None:
        super().__init__(world, SITE)

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        super().register(router, only)
        router.add("GET", "/subscriptions/{subscription}/providers/Microsoft.Web/sites", self.list_all)
        router.add("PUT", f"{SITE.template}/config/appsettings", self.put_settings)
        router.add("POST", f"{SITE.template}/config/appsettings/list", self.list_settings)
        router.add("GET", f"{SITE.template}/config/web", self.configuration)

    async def list_all(self, call: ArmCall) -> Answer:
        """List the web apps of all resource groups."""
        return Answer(200, {"value": [self.shown(site) for site in self._world.store.of_kind(SITE_TYPE)]})

    async def put_settings(self, call: ArmCall) -> Answer:
        """Replace the application settings of a web app."""
        site = self.find(call)
        check_shape(SettingsShape, call.json())
        site.secrets["settings"] = {name: value or "" for name, value in call.properties().items()}
        return Answer(200, _settings(site))

    async def list_settings(self, call: ArmCall) -> Answer:
        """Answer with the application settings of a web app."""
        return Answer(200, _settings(self.find(call)))

    async def configuration(self, call: ArmCall) -> Answer:
        """Return the values that `siteConfig` set, such as the container image in `linuxFxVersion`."""
        site = self.find(call)
        config = dict(site.properties.get("siteConfig") or {})
        return Answer(
            200, {"id": f"{site.id}/config/web", "name": "web", "type": f"{SITE_TYPE}/config", "properties": config}
        )


def _settings(site: Resource) -> Json:
    return {
        "id": f"{site.id}/config/appsettings",
        "name": "appsettings",
        "type": f"{SITE_TYPE}/config",
        "properties": dict(site.secrets.get("settings", {})),
    }
