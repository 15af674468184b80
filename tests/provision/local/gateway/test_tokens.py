"""Tokens of the gateway's managed identity: fetched once, kept for each identity, and an error if there is none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from provision.local.wire import Request, Response, Server
from tests.provision.local.gateway.rig import api, rig, to_backend, until

IDENTITY = (
    '<authentication-managed-identity resource="https://cognitiveservices.azure.com" '
    'output-token-variable-name="token" ignore-error="false" />'
)


async def test_token_is_fetched_once_for_all_who_wait(tmp_path: Path) -> None:
    asked: list[Request] = []

    async def tokens(request: Request) -> Response:
        asked.append(request)
        await until(lambda: gateway.unit.requests == 5)
        return Response(200, [], b'{"access_token": "abc", "expires_on": "99999999999"}')

    server = Server(tokens)
    port = await server.listen("127.0.0.1", 0)
    service = {"name": "svc", "resource_id": "/svc", "identity": _identity(port)}
    async with rig(tmp_path, service=service, apis=[api(to_backend(inbound=IDENTITY))]) as gateway:
        await asyncio.gather(*(gateway.ask() for _ in range(5)))
        await gateway.ask()
        assert [request.header("authorization") for request in gateway.backend.seen] == ["Bearer abc"] * 6
    (request,) = asked
    assert request.target.startswith("/msi?resource=https%3A%2F%2Fcognitiveservices.azure.com&")
    assert request.header("x-identity-header") == "shh"
    await server.close()


def _identity(port: int) -> dict[str, Any]:
    return {"principal_id": "p", "endpoint": f"http://127.0.0.1:{port}/msi", "secret": "shh"}


@pytest.mark.parametrize("body", [b"{}", b"not json", b"[]", b'{"access_token": "x", "expires_on": null}'])
async def test_no_token_is_an_error_of_the_policy(tmp_path: Path, body: bytes) -> None:
    async def tokens(request: Request) -> Response:
        return Response(400, [], body)

    server = Server(tokens)
    port = await server.listen("127.0.0.1", 0)
    service = {"name": "svc", "resource_id": "/svc", "identity": _identity(port)}
    async with rig(tmp_path, service=service, apis=[api(to_backend(inbound=IDENTITY))]) as gateway:
        assert (await gateway.ask()).status == 500
        assert (await gateway.logged())[-1]["LastErrorSource"] == "authentication-managed-identity"
        assert gateway.backend.seen == []
    await server.close()


async def test_other_identity_gets_tokens_of_its_own(tmp_path: Path) -> None:
    secrets: list[str | None] = []

    async def tokens(request: Request) -> Response:
        secrets.append(request.header("x-identity-header"))
        return Response(200, [], b'{"access_token": "abc", "expires_on": 99999999999}')

    server = Server(tokens)
    port = await server.listen("127.0.0.1", 0)
    service = {"name": "svc", "resource_id": "/svc", "identity": _identity(port)}
    apis = [api(to_backend(inbound=IDENTITY))]
    async with rig(tmp_path, service=service, apis=apis) as gateway:
        for secret in ("shh", "shh", "other"):
            identity = {**_identity(port), "secret": secret}
            gateway.configure(service={**service, "identity": identity}, apis=apis)
            await gateway.ask()
    assert secrets == ["shh", "other"]
    await server.close()
