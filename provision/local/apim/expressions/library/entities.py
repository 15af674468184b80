"""The members of `context` for the API, operation, product, subscription, user, service and backend."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from provision.local.apim import context as data
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.runtime.values import Dictionary

__all__: list[str] = []

_SPACE = "Microsoft.Azure.ApiManagement.Proxy"


def _entity(name: str, kind: type, members: dict[str, str]) -> Table:
    """Return a new table of plain properties. `members`: C# signature → field of the data class `kind`."""
    table = Table(name, (kind,), _SPACE, bases=("object",), source="5.4")
    for signature, attribute in members.items():
        # The attribute is always a literal of this module, never input.
        table.member(signature)(lambda one, attribute=attribute: getattr(one, attribute))
    return table


API = _entity(
    "IApi",
    data.Api,
    {
        "string Id": "id",
        "string Name": "name",
        "string Path": "path",
        "string Revision": "revision",
        "string Version": "version",
    },
)
_entity(
    "IOperation",
    data.Operation,
    {"string Id": "id", "string Name": "name", "string Method": "method", "string UrlTemplate": "url_template"},
)
_entity("IProduct", data.Product, {"string Id": "id", "string Name": "name"})
_entity(
    "ISubscription",
    data.Subscription,
    {
        "string Id": "id",
        "string Name": "name",
        "string Key": "key",
        "string PrimaryKey": "primary_key",
        "string SecondaryKey": "secondary_key",
    },
)
_entity("IUser", data.User, {"string Id": "id", "string Email": "email"})
DEPLOYMENT = _entity(
    "IDeployment",
    data.Deployment,
    {
        "string ServiceId": "service_id",
        "string ServiceName": "service_name",
        "string Region": "region",
        "string GatewayId": "gateway_id",
    },
)
_entity("IBackend", data.Backend, {"string Id": "id", "string Type": "type", "string AzureRegion": "azure_region"})


@API.member("IUrl ServiceUrl")
def service_url(api: data.Api) -> data.Url | None:
    if api.service_url is None:
        return None
    parts = urlsplit(api.service_url)
    port = parts.port or {"http": 80}.get(parts.scheme, 443)
    return data.Url(parts.scheme, parts.hostname or "", port, parts.path or "/", parts.query)


@dataclass(slots=True, frozen=True)
class Gateway:
    """The gateway that runs the expression."""

    id: str


GATEWAY = _entity("IGateway", Gateway, {"string Id": "id", "string InstanceId": "id"})
GATEWAY.member("bool IsManaged")(lambda gateway: gateway.id == "managed")
DEPLOYMENT.member("IGateway Gateway")(lambda deployment: Gateway(deployment.gateway_id))
DEPLOYMENT.member("Dictionary<string,X509Certificate2> Certificates")(lambda deployment: Dictionary())

# Client certificates do not reach the local gateway, so no value has this type: `Certificate` is always null.
CERTIFICATE = Table("X509Certificate2", (), "System.Security.Cryptography.X509Certificates", bases=("object",))
for _member in ("Thumbprint", "Subject", "Issuer", "SerialNumber", "FriendlyName"):
    CERTIFICATE.member(f"string {_member}")(lambda certificate: None)
for _member in ("NotBefore", "NotAfter"):
    CERTIFICATE.member(f"DateTime {_member}")(lambda certificate: None)
CERTIFICATE.member("bool Verify()")(lambda certificate: False)
CERTIFICATE.member("bool VerifyNoRevocation()", source="5.1")(lambda certificate: False)
AUTHORIZATION = Table("Authorization", (), _SPACE, bases=("object",), source="5.1")
AUTHORIZATION.member("string AccessToken")(lambda authorization: None)

API.member("bool IsCurrentRevision")(lambda api: True)
