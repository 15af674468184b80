"""Azure regions: `eastus` is a name, and `East US` is the display name that API Management returns."""

from __future__ import annotations

from provision.local.arm.errors import ArmError

__all__ = ["display_name", "region"]

_DISPLAY = {
    "australiaeast": "Australia East",
    "brazilsouth": "Brazil South",
    "canadacentral": "Canada Central",
    "canadaeast": "Canada East",
    "centralus": "Central US",
    "eastasia": "East Asia",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "italynorth": "Italy North",
    "japaneast": "Japan East",
    "japanwest": "Japan West",
    "koreacentral": "Korea Central",
    "northcentralus": "North Central US",
    "northeurope": "North Europe",
    "norwayeast": "Norway East",
    "polandcentral": "Poland Central",
    "southafricanorth": "South Africa North",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "southindia": "South India",
    "spaincentral": "Spain Central",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uaenorth": "UAE North",
    "uksouth": "UK South",
    "ukwest": "UK West",
    "westcentralus": "West Central US",
    "westeurope": "West Europe",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
}

NAMES = frozenset(_DISPLAY)


def region(value: object, resource_type: str) -> str:
    """Return the region's name for any of its spellings. Raises ArmError 400 if it is missing or unknown."""
    if not isinstance(value, str) or not value:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    name = value.replace(" ", "").lower()
    if name not in _DISPLAY:
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{value}' is not available for resource type '{resource_type}'. "
            f"List of available regions for the resource type is '{','.join(sorted(_DISPLAY))}'.",
        )
    return name


def display_name(name: str) -> str:
    """Return a region's name as the portal shows it; an unknown region's name as it is."""
    return _DISPLAY.get(name, name)
