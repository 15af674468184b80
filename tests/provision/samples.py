"""A lab and clouds for tests that need no service."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import TokenCredential

from provision.resources.clouds import Cloud
from tripcurve.lab import Lab

__all__ = ["AZURE", "LOCAL", "lab"]

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


def _no_credential() -> TokenCredential:
    raise AssertionError("no service is to be called")


AZURE = Cloud("azure", "https://management.azure.com", SUBSCRIPTION, None, _no_credential)
LOCAL = Cloud("local", "https://127.0.0.1:1", SUBSCRIPTION, None, _no_credential)


def lab(name: str = "quick", **changes: Any) -> Lab:
    """A lab of one mock behind the seed's rule, with some top-level keys otherwise."""
    rule = {"name": "myBreakerRule", "count": 3, "interval": "PT5M", "status_codes": [429],
            "error_reasons": ["Server errors"], "trip_duration": "PT1M"}  # fmt: skip
    content = {
        "name": name,
        "gateway": {"name": f"{name}-aigw-apim"},
        "backends": [{"name": "openaimock1", "breaker": rule}],
        **changes,
    }
    return Lab.model_validate(content)
