"""Route templates of API Management."""

from __future__ import annotations

__all__ = ["NAMESPACE", "SERVICE", "SERVICE_TYPE"]

NAMESPACE = "Microsoft.ApiManagement"
SERVICE_TYPE = f"{NAMESPACE}/service"
SERVICE = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{SERVICE_TYPE}/{{service}}"
