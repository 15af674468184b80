"""Resolves host names: to the mock if this cloud owns them, otherwise to the network."""

from __future__ import annotations

import ipaddress
import ssl
from urllib.parse import urlsplit

from provision.local.apim.context import Url
from provision.local.gateway.config import SignIn
from provision.local.wire.calls import Endpoint, UpstreamFailure

__all__ = ["Endpoints"]

OWNED = (".openai.azure.com", ".cognitiveservices.azure.com", ".azurewebsites.net")
"""The suffixes of the host names that the local cloud answers for."""

SIGN_IN = frozenset({"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"})
"""Entra's hosts. Tokens here come from the local tenant, so its keys and configuration must be used to check them."""


class Endpoints:
    """Resolves hosts for one unit. `sign_in` None: Entra's hosts are resolved like any other."""

    def __init__(self, mock_port: int | None, allow_external: bool, sign_in: SignIn | None = None) -> None:
        self._sign_in = sign_in
        self._mock = Endpoint("127.0.0.1", mock_port) if mock_port is not None else None
        self._allow_external = allow_external
        self._tls: dict[bool, ssl.SSLContext] = {}
        self._known: dict[tuple[str, str, int, bool], Endpoint] = {}

    def resolve(self, url: Url, verify: bool = True) -> Endpoint:
        """Return the address to connect to for a URL. Raises UpstreamFailure for a host that must not be contacted."""
        key = (url.scheme, url.host, url.port, verify)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._resolve(url, verify)
        return known

    def is_mock(self, endpoint: Endpoint) -> bool:
        """Return whether requests to this address reach the mock."""
        return endpoint is self._mock

    def _resolve(self, url: Url, verify: bool) -> Endpoint:
        host = url.host.lower().rstrip(".")
        if host.endswith(OWNED):
            if self._mock is None:
                raise UpstreamFailure("BackendConnectionFailure", f"No mock runs for {host}.")
            return self._mock
        if self._is_sign_in(url, host):
            return self._sign_in_endpoint()
        if not (self._allow_external or _is_loopback(host)):
            message = f"{host} is not on this machine; start the local cloud with external backends allowed to call it."
            raise UpstreamFailure("BackendConnectionFailure", message)
        if url.scheme == "https":
            return Endpoint(host, url.port, self._context(verify), host)
        return Endpoint(host, url.port)

    def _is_sign_in(self, url: Url, host: str) -> bool:
        """Return whether a URL belongs to Entra, or to the local tenant as its configuration states it."""
        if self._sign_in is None:
            return False
        return host in SIGN_IN or f"{url.scheme}://{host}:{url.port}" == self._sign_in.endpoint

    def _sign_in_endpoint(self) -> Endpoint:
        assert self._sign_in is not None  # noqa: S101  # callers ask only then; narrows the type
        parts = urlsplit(self._sign_in.endpoint)
        host = parts.hostname or "127.0.0.1"
        if parts.scheme != "https":
            return Endpoint(host, parts.port or 80)
        return Endpoint(host, parts.port or 443, ssl.create_default_context(cafile=self._sign_in.ca_file), host)

    def _context(self, verify: bool) -> ssl.SSLContext:
        if verify not in self._tls:
            context = ssl.create_default_context()
            if not verify:  # because the backend entity says so: properties.tls.validateCertificateChain is false
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self._tls[verify] = context
        return self._tls[verify]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
