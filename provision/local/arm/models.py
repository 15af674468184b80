"""The Azure OpenAI models that a deployment may name, by region: a small part of Azure's catalogue."""

from __future__ import annotations

from typing import Literal

from provision.local.arm.call import Json
from provision.local.arm.errors import ArmError
from provision.local.arm.regions import NAMES

__all__ = [
    "Kind",
    "check",
    "ids_of_region",
    "kind_of",
    "newest_id",
    "of_region",
    "rate_limits",
    "usage_name",
    "usage_names",
]

Kind = Literal["text", "embedding", "image"]

_CHAT = ("Standard", "GlobalStandard", "DataZoneStandard", "ProvisionedManaged", "GlobalProvisionedManaged")
_VERSIONS = {
    "gpt-35-turbo": ("0301", "0613", "1106", "0125"),
    "gpt-35-turbo-16k": ("0613",),
    "gpt-4": ("0613", "1106-Preview", "0125-Preview", "turbo-2024-04-09"),
    "gpt-4o": ("2024-05-13", "2024-08-06", "2024-11-20"),
    "gpt-4o-mini": ("2024-07-18",),
    "gpt-4.1": ("2025-04-14",),
    "gpt-4.1-mini": ("2025-04-14",),
    "gpt-4.1-nano": ("2025-04-14",),
    "o4-mini": ("2025-04-16",),
    "gpt-5": ("2025-08-07",),
    "gpt-5-mini": ("2025-08-07",),
    "gpt-5.1": ("2025-11-13",),
    "gpt-5.4": ("2026-03-05",),
    "gpt-5.4-mini": ("2026-03-17",),
    "gpt-image-1-mini": ("2025-10-06",),
    "gpt-image-2": ("2026-04-21",),
    "text-embedding-ada-002": ("1", "2"),
    "text-embedding-3-small": ("1",),
    "text-embedding-3-large": ("1",),
}
# Known regions without Azure OpenAI: a deployment in one is refused, as on Azure.
_WITHOUT = frozenset({"eastasia", "japanwest", "ukwest", "westcentralus", "centralus"})


def check(model: Json, sku: str, location: str) -> Json:
    """Return the model with format and version filled in. Raises ArmError 400 if the region does not offer it."""
    name, version = str(model["name"]), model.get("version")
    known = _VERSIONS.get(name)
    if known is None or (version is not None and str(version) not in known):
        raise ArmError(
            400,
            "DeploymentModelNotSupported",
            f"The model 'Format: {model.get('format', 'OpenAI')}, Name: {name}, Version: {version}' of account "
            "deployment is not supported.",
        )
    filled = str(known[-1] if version is None else version)
    if location in _WITHOUT or sku not in _CHAT:
        raise ArmError(
            400,
            "InvalidResourceProperties",
            f"The specified SKU '{sku}' for model '{name} {filled}' is not supported in this region '{location}'.",
        )
    return {**model, "format": model.get("format", "OpenAI"), "name": name, "version": filled}


def of_region(location: str) -> list[Json]:
    """Return the catalogue of one region in the form of the models list."""
    if location not in NAMES or location in _WITHOUT:
        return []
    return [
        {"kind": "OpenAI", "skuName": "S0", "model": _entry(name, version)}
        for name, versions in _VERSIONS.items()
        for version in versions
    ]


def _entry(name: str, version: str) -> Json:
    skus = [
        {"name": sku, "usageName": usage_name(sku, name), "capacity": {"minimum": 1, "default": 10}} for sku in _CHAT
    ]
    return {"format": "OpenAI", "name": name, "version": version, "lifecycleStatus": "GenerallyAvailable", "skus": skus}


def usage_name(sku: str, model: str) -> str:
    """Return the quota's name for a deployment type and a model, such as `OpenAI.Standard.gpt-4o`."""
    return f"OpenAI.{sku}.{model}"


def usage_names(location: str) -> list[str]:
    """Return the names of the quotas of all models that a region offers."""
    return [sku["usageName"] for entry in of_region(location) for sku in entry["model"]["skus"]]


def rate_limits(capacity: int) -> list[Json]:
    """Return a deployment's limits: each unit of capacity is 1000 tokens and 6 requests per minute [D-QUOTA]."""
    return [
        {"key": "request", "renewalPeriod": 60, "count": 6 * capacity},
        {"key": "token", "renewalPeriod": 60, "count": 1000 * capacity},
    ]


def kind_of(name: str) -> Kind:
    """Return what a model makes, by its name."""
    if "embedding" in name:
        return "embedding"
    return "image" if name.startswith(("gpt-image", "dall-e")) else "text"


def newest_id(name: str) -> str | None:
    """Return the newest version of a model with its date, such as `gpt-5.1-2025-11-13`; None for an unknown model."""
    versions = _VERSIONS.get(name.lower())
    return None if versions is None else f"{name.lower()}-{versions[-1]}"


def ids_of_region(location: str) -> list[str]:
    """Return the models of a region with their dates."""
    return [f"{entry['model']['name']}-{entry['model']['version']}" for entry in of_region(location)]
