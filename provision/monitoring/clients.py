"""A client for one of Azure's data services, with the retries and the sign-in of the Azure SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.resources.clouds import Cloud
from tripcurve.errors import TargetUnavailable

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.rest import HttpRequest, HttpResponse

__all__ = ["Client", "open_client", "sent"]

if TYPE_CHECKING:
    Client = PipelineClient[HttpRequest, HttpResponse]


@contextmanager
def open_client(cloud: Cloud, base_url: str, scope: str) -> Iterator[Client]:
    """Yield a client for the service at `base_url`, and close it at the end. `scope`: that of its tokens on Azure."""
    from azure.core import PipelineClient
    from azure.core.pipeline import policies
    from azure.core.pipeline.transport import RequestsTransport

    credential = cloud.credential()
    signing = policies.BearerTokenCredentialPolicy(credential, scope if cloud.kind == "azure" else cloud.scope)
    steps = [policies.RequestIdPolicy(), policies.RetryPolicy(retry_backoff_factor=cloud.backoff_factor), signing]
    transport = RequestsTransport(connection_verify=True if cloud.ca_file is None else cloud.ca_file)
    client: Client = PipelineClient(base_url, policies=steps, transport=transport)
    try:
        with client:
            yield client
    finally:
        close = getattr(credential, "close", None)
        if close is not None:
            close()


def sent(client: Client, request: HttpRequest, role: str) -> HttpResponse:
    """Return the answer to a request. `role`: the one to ask for if the sign-in may not do this.

    Raises TargetUnavailable for a missing role (403), and the SDK's errors for any other answer that is no success.
    """
    from azure.core.exceptions import ClientAuthenticationError, map_error

    response = client.send_request(request)
    if response.status_code == 403:
        raise TargetUnavailable(f"{request.url.partition('?')[0]}: not allowed (403); ask for the role `{role}` there")
    map_error(response.status_code, response, {401: ClientAuthenticationError})
    response.raise_for_status()
    return response
