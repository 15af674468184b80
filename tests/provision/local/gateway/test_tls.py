"""Backends over TLS: verified against the system's authorities, unless the backend says not to."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from provision.local.wire import Request, Response, Server
from tests.provision.local.gateway.rig import rig, single


async def _secure(authority: trustme.CA) -> tuple[Server, int]:
    async def handler(request: Request) -> Response:
        return Response(200, [], b"secure")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = Server(handler)
    return server, await server.listen("127.0.0.1", 0, ssl_context=context)


@pytest.mark.parametrize(
    ("trusted", "host", "tls", "status"),
    [
        (True, "localhost", {}, 200),
        (True, "127.0.0.1", {}, 500),
        (False, "localhost", {}, 500),
        (False, "localhost", {"validateCertificateChain": False, "validateCertificateName": False}, 200),
    ],
)
async def test_certificate_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, host: str, tls: dict[str, bool], status: int
) -> None:
    authority = trustme.CA()
    if trusted:
        file = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(file))
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    server, port = await _secure(authority)
    try:
        async with rig(tmp_path, backends=[single(url=f"https://{host}:{port}/", tls=tls)]) as gateway:
            assert (await gateway.ask()).status == status
    finally:
        await server.close()
