"""Policies of API Management that are known but cannot run here: refused by name, with the reason."""

from __future__ import annotations

from provision.local.apim.policies.elements import ANYWHERE, Element
from provision.local.apim.policies.steps import Policy

__all__ = ["POLICIES"]

_SERVICE = "it calls an Azure service that the local cloud does not have"
_REASONS = {
    "authentication-certificate": "the local cloud keeps no client certificates",
    "cache-value": "use cache-lookup-value and cache-store-value",
    "cross-domain": "it serves Adobe clients, which the local gateway does not",
    "get-authorization-context": "the local cloud has no credential manager",
    "invoke-dapr-binding": "there is no Dapr runtime beside the local gateway",
    "invoke-request": "use send-request",
    "json-to-xml": "bodies are not converted between JSON and XML",
    "jsonp": "answers are not wrapped for JSONP",
    "proxy": "the local gateway reaches backends directly",
    "publish-to-dapr": "there is no Dapr runtime beside the local gateway",
    "redirect-content-urls": "links in answers are not rewritten",
    "send-service-bus-message": _SERVICE,
    "validate-client-certificate": "clients connect without TLS certificates",
    "validate-content": "the local cloud keeps no schemas",
    "validate-graphql-request": "the local cloud keeps no schemas",
    "validate-headers": "the local cloud keeps no schemas",
    "validate-odata-request": "the local cloud keeps no schemas",
    "validate-parameters": "the local cloud keeps no schemas",
    "validate-status-code": "the local cloud keeps no schemas",
    "xml-to-json": "bodies are not converted between JSON and XML",
    "xsl-transform": "bodies are not transformed by XSLT",
}

POLICIES = tuple(
    Policy(Element(name), ANYWHERE, "PTK", None, "refused", note=f"{reason}.") for name, reason in _REASONS.items()
)
