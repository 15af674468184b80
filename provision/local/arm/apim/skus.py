"""The tiers of API Management: their largest sizes, and the list of those that the subscription may create."""

from __future__ import annotations

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.regions import NAMES, display_name
from provision.local.arm.router import Router

__all__ = ["MOST_UNITS", "register_skus"]

MOST_UNITS = {
    "Developer": 1,
    "Basic": 2,
    "Standard": 4,
    "Premium": 31,
    "Consumption": 0,
    "Isolated": 1,
    "BasicV2": 10,
    "StandardV2": 10,
    "PremiumV2": 30,
}
"""Each tier's largest number of units; Consumption cannot be scaled."""


def register_skus(router: Router) -> None:
    """Add the route of the list of tiers."""
    router.add("GET", "/subscriptions/{subscription}/providers/Microsoft.ApiManagement/skus", _index)


async def _index(call: ArmCall) -> Answer:
    del call
    return Answer(200, {"value": [_shown(name, most) for name, most in MOST_UNITS.items()]})


def _shown(name: str, most: int) -> Json:
    regions = [display_name(region) for region in sorted(NAMES)]
    least = min(most, 1)
    scale = "Automatic" if most > 1 else "None"
    return {
        "resourceType": "service",
        "name": name,
        "locations": regions,
        "locationInfo": [{"location": region, "zones": []} for region in regions],
        "capacity": {"minimum": least, "maximum": most, "default": least, "scaleType": scale},
        "restrictions": [],
    }
