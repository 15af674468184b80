"""Policies that API Management has but that cannot run here: refused by name, with the reason."""

from __future__ import annotations

from provision.local.apim.policies.elements import ANYWHERE, Element
from provision.local.apim.policies.steps import Policy

__all__ = ["POLICIES"]

_SERVICE = "it calls an Azure service that the local cloud does not have"
_REASONS = {
    "authentication-certificate": "the local cloud stores no client certificates",
    "cache-value": "use cache-lookup-value and cache-store-value",
    "cross-domain": "it is for Adobe clients, which the local gateway does not support",
    "get-authorization-context": "the local cloud has no credential manager",
    "invoke-dapr-binding": "the local gateway has no Dapr runtime",
    "invoke-request": "use send-request",
    "json-to-xml": "the local gateway does not convert bodies between JSON and XML",
    "jsonp": "the local gateway does not wrap responses for JSONP",
    "proxy": "the local gateway connects to backends directly",
    "publish-to-dapr": "the local gateway has no Dapr runtime",
    "redirect-content-urls": "the local gateway does not rewrite links in responses",
    "send-service-bus-message": _SERVICE,
    "validate-client-certificate": "clients connect without TLS certificates",
    "validate-content": "the local cloud stores no schemas",
    "validate-graphql-request": "the local cloud stores no schemas",
    "validate-headers": "the local cloud stores no schemas",
    "validate-odata-request": "the local cloud stores no schemas",
    "validate-parameters": "the local cloud stores no schemas",
    "validate-status-code": "the local cloud stores no schemas",
    "xml-to-json": "the local gateway does not convert bodies between JSON and XML",
    "xsl-transform": "the local gateway does not transform bodies by XSLT",
}

POLICIES = tuple(
    Policy(Element(name), ANYWHERE, "PTK", None, "refused", note=f"{reason}.") for name, reason in _REASONS.items()
)
