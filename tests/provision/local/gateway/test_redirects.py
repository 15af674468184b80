"""Redirects that a backend answers: followed where a policy asks for it, and never with secrets to another host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.provision.local.gateway.rig import HOST, api, rig, status, to_backend

FOLLOWS = '<forward-request follow-redirects="{follow}" />'


@pytest.mark.parametrize(("code", "method"), [(302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_redirects_are_followed_where_asked(tmp_path: Path, code: int, method: str) -> None:
    policy = to_backend(backend=FOLLOWS.format(follow="true"))
    async with rig(tmp_path, apis=[api(policy)]) as gateway:
        elsewhere = f"https://{HOST}/there?x=1"
        gateway.backend.replies = [status(code, ("location", elsewhere)), status(code, ("location", "/again"))]
        got = await gateway.ask(body=b"abc", Authorization="Bearer x")
        assert got.status == 200
        hops = [(request.method, request.target) for request in gateway.backend.seen]
        assert hops == [
            ("POST", "/openai/deployments/gpt/chat/completions"),
            (method, "/there?x=1"),
            (method, "/again"),
        ]
        assert gateway.backend.seen[-1].body == (b"abc" if method == "POST" else b"")
        assert gateway.backend.seen[-1].header("authorization") == "Bearer x"


async def test_redirect_to_another_host_takes_no_secrets_along(tmp_path: Path) -> None:
    policy = to_backend(backend=FOLLOWS.format(follow="true"))
    async with rig(tmp_path, apis=[api(policy)]) as gateway:
        gateway.backend.replies = [status(307, ("location", "https://two.azurewebsites.net/there"))]
        await gateway.ask(Authorization="Bearer x", X_Other="kept")
        last = gateway.backend.seen[-1]
        assert (last.header("authorization"), last.header("api-key"), last.header("x-other")) == (None, None, "kept")


async def test_redirect_in_a_circle_ends(tmp_path: Path) -> None:
    policy = to_backend(backend=FOLLOWS.format(follow="true"))
    async with rig(tmp_path, apis=[api(policy)]) as gateway:
        gateway.backend.replies = [status(302, ("location", "/again"))] * 50
        assert (await gateway.ask()).status == 302
        assert len(gateway.backend.seen) == 10


async def test_redirects_are_handed_back_by_default(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [status(302, ("location", "/there"))]
        assert (await gateway.ask()).headers["location"] == "/there"
        assert len(gateway.backend.seen) == 1
