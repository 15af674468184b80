"""The Azure SDK's clients for one cloud. Each is created on first use, because importing them all is slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from provision.resources.clouds import Cloud
from provision.resources.throttling import Throttling

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.mgmt.apimanagement import ApiManagementClient
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.mgmt.web import WebSiteManagementClient

__all__ = ["Clients"]


class Clients:
    """Unmodified SDK clients that share one credential and one pool of connections. Close after use.

    `pause` waits while ARM throttles; it gets the seconds and the reason.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.pause: Callable[[float, str], None] = lambda seconds, _: time.sleep(seconds)

    @cached_property
    def _credential(self) -> TokenCredential:
        return self.cloud.credential()

    @cached_property
    def _session(self) -> Any:
        import requests

        return requests.Session()

    def _options(self) -> dict[str, Any]:
        """Return the keyword arguments that all clients share."""
        from azure.core.pipeline.transport import RequestsTransport

        verify = True if self.cloud.ca_file is None else self.cloud.ca_file
        return {
            "base_url": self.cloud.management_url,
            "credential_scopes": [self.cloud.scope],
            "polling_interval": self.cloud.poll_s,
            "retry_backoff_factor": self.cloud.backoff_factor,
            "per_retry_policies": [Throttling(lambda seconds, why: self.pause(seconds, why), self.cloud.poll_s)],
            "transport": RequestsTransport(session=self._session, session_owner=False, connection_verify=verify),
        }

    @cached_property
    def resources(self) -> ResourceManagementClient:
        from azure.mgmt.resource.resources import ResourceManagementClient

        return ResourceManagementClient(self._credential, self.cloud.subscription_id, **self._options())

    @cached_property
    def cognitive(self) -> CognitiveServicesManagementClient:
        from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

        return CognitiveServicesManagementClient(self._credential, self.cloud.subscription_id, **self._options())

    @cached_property
    def apim(self) -> ApiManagementClient:
        from azure.mgmt.apimanagement import ApiManagementClient

        return ApiManagementClient(self._credential, self.cloud.subscription_id, **self._options())

    @cached_property
    def authorization(self) -> AuthorizationManagementClient:
        from azure.mgmt.authorization import AuthorizationManagementClient

        return AuthorizationManagementClient(self._credential, self.cloud.subscription_id, **self._options())

    @cached_property
    def web(self) -> WebSiteManagementClient:
        from azure.mgmt.web import WebSiteManagementClient

        return WebSiteManagementClient(self._credential, self.cloud.subscription_id, **self._options())

    def close(self) -> None:
        """Close the connections that were opened."""
        if "_session" in self.__dict__:
            self._session.close()
        if "_credential" in self.__dict__:
            close = getattr(self._credential, "close", None)
            if close is not None:
                close()
