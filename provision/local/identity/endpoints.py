"""Token endpoints: client credentials for programs, managed identity for gateways, metadata for tools."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from aiohttp import BasicAuth, web

from provision.local.identity.directory import Application, Directory
from provision.local.identity.tokens import LIFETIME_S, TokenIssuer, TokenRefused

__all__ = ["Identity"]

_AZURE_ARM = ("https://management.azure.com", "https://management.core.windows.net")


class Identity:
    """The local tenant's endpoints. `base_url` is the control plane's own URL."""

    def __init__(self, directory: Directory, issuer: Callable[[], TokenIssuer], base_url: Callable[[], str]) -> None:
        self._directory = directory
        self._issuer = issuer
        self._base_url = base_url

    def register(self, app: web.Application) -> None:
        """Register the routes of the tenant, the cloud's metadata and the managed identities."""
        router = app.router
        for version in ("/oauth2/v2.0/token", "/oauth2/token"):
            router.add_post("/{tenant}" + version, self.token)
        for place in ("/{tenant}/v2.0/.well-known/openid-configuration", "/{tenant}/.well-known/openid-configuration"):
            router.add_get(place, self.openid)
        router.add_get("/{tenant}/discovery/v2.0/keys", self.keys)
        router.add_get("/common/discovery/instance", self.instance)
        router.add_get("/metadata/endpoints", self.metadata)
        router.add_get("/_local/msi/{resource:.+}", self.managed)

    def authenticate(self, header: str | None) -> str:
        """Return the object id of the token's principal. Raises TokenRefused with ARM's error code."""
        if header is None:
            raise TokenRefused("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused(
                "AuthenticationFailedInvalidHeader",
                "Authentication failed. The 'Authorization' header is provided in an invalid format.",
            )
        claims = self._issuer().check(token.strip(), {self._base_url(), *_AZURE_ARM})
        return str(claims["oid"])

    def caller(self, header: str | None) -> Application | None:
        """Return the application behind a bearer token, or behind Basic credentials as `curl -u` sends them.

        None for a principal that is not an application. Raises TokenRefused.
        """
        try:
            basic = None if header is None else BasicAuth.decode(header, encoding="utf-8")
        except ValueError:
            return self._directory.application_of(self.authenticate(header))
        if basic is None:
            return self._directory.application_of(self.authenticate(None))
        found = self._directory.sign_in(basic.login, basic.password)
        if found is None:
            raise TokenRefused("AuthenticationFailed", "The client id or its secret is not right.")
        return found

    async def token(self, request: web.Request) -> web.Response:
        """Answer a request for a token by OAuth 2 client credentials, v1 (`resource`) or v2 (`scope`)."""
        form = await request.post()
        tenant = request.match_info["tenant"].lower()
        if tenant not in (self._directory.tenant_id, "organizations", "common"):
            return _refused("invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type", 70003, "Only client_credentials is supported here.")
        client_id, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        application = self._directory.sign_in(client_id, secret)
        if application is None and not self._directory.knows_client(client_id):
            return _refused(
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory.",
            )
        if application is None:
            return _refused("invalid_client", 7000215, "Invalid client secret provided.", status=401)
        audience = str(form.get("resource") or form.get("scope", "")).split(" ")[0].removesuffix("/.default")
        if not audience:
            return _refused("invalid_scope", 70011, "The provided value for 'scope' is not valid.")
        token, expires = self._issuer().mint(audience, application.object_id, application.client_id)
        return web.json_response(
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME_S,
                "ext_expires_in": LIFETIME_S,
                "expires_on": str(expires),
                "resource": audience,
                "access_token": token,
            }
        )

    async def managed(self, request: web.Request) -> web.Response:
        """Answer a service's request for a token, in App Service's form. Its secret says whose service it is.

        Without `client_id` the token is for the service's own identity, else for the user-assigned one that it names.
        """
        resource = "/" + request.match_info["resource"]
        own, assigned = self._directory.identity_of(resource), self._directory.assigned_to(resource)
        secret, wanted = request.headers.get("X-IDENTITY-HEADER", ""), request.query.get("client_id")
        held = [one for one in (own, *assigned) if one is not None]
        if not any(hmac.compare_digest(one.secret.encode(), secret.encode()) for one in held):
            return web.json_response({"statusCode": 401, "message": "The identity header is not right."}, status=401)
        identity = own if wanted is None else next((one for one in held if one.client_id == wanted), None)
        if identity is None:
            known = "The service has no identity of its own."
            message = known if wanted is None else f"No identity has client id '{wanted}'."
            return web.json_response({"statusCode": 400, "message": message}, status=400)
        audience = request.query.get("resource", "").rstrip("/")
        if not audience:
            return web.json_response({"statusCode": 400, "message": "The query needs 'resource'."}, status=400)
        token, expires = self._issuer().mint(audience, identity.principal_id, identity.client_id)
        return web.json_response(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": audience,
                "token_type": "Bearer",
                "client_id": identity.client_id,
            }
        )

    async def openid(self, request: web.Request) -> web.Response:
        """Answer with the tenant's OpenID configuration."""
        base, tenant = self._base_url(), request.match_info["tenant"]
        return web.json_response(
            {
                "issuer": self._issuer().issuer,
                "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
                "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": None,
            }
        )

    async def keys(self, request: web.Request) -> web.Response:
        """Answer with the public key that signs tokens, as a JWK set."""
        del request
        return web.json_response(self._issuer().jwks)

    async def instance(self, request: web.Request) -> web.Response:
        """Answer instance discovery: this host is the only authority."""
        host = self._base_url().removeprefix("https://")
        tenant = self._directory.tenant_id
        del request
        return web.json_response(
            {
                "tenant_discovery_endpoint": f"{self._base_url()}/{tenant}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    async def metadata(self, request: web.Request) -> web.Response:
        """Answer with the cloud metadata that `az cloud register --endpoint-resource-manager` reads."""
        base = self._base_url()
        described = _cloud(base, self._directory.tenant_id)
        # Azure returns a list of clouds in these versions, and a single cloud in the others.
        listed = request.query.get("api-version", "").startswith(("2019-", "2020-"))
        return web.json_response([described] if listed else described)


def _cloud(base: str, tenant: str) -> dict[str, Any]:
    return {
        "name": "TripcurveLocal",
        "portal": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": [base],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        "graph": base,
        "graphAudience": base,
        "graphEndpoint": base,
        "microsoftGraphResourceId": base,
        "resourceManager": base,
        "resourceManagerEndpoint": base,
        "media": base,
        "batch": base,
        "sqlManagement": base,
        "gallery": base,
        "galleryEndpoint": base,
        "activeDirectoryDataLake": base,
        "suffixes": {"storage": "localhost", "keyVaultDns": "vault.localhost", "sqlServerHostname": "sql.localhost"},
    }


def _refused(error: str, code: int, message: str, status: int = 400) -> web.Response:
    """Return an error in Entra's form, whose number clients read from `error_codes`."""
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: {message}",
        "error_codes": [code],
        "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
        "trace_id": str(uuid4()),
        "correlation_id": str(uuid4()),
    }
    return web.json_response(body, status=status)
