"""Session affinity of a pool: a client stays with one member while that member is not open."""

from __future__ import annotations

from pathlib import Path

from tests.provision.local.gateway.rig import MEMBERS, TO_POOL, Clock, pool, rig, status


async def test_client_stays_with_the_member_its_cookie_names(tmp_path: Path) -> None:
    affinity = {"sessionAffinity": {"sessionId": {"source": "Cookie", "name": "SessionId"}}}
    backends = [*MEMBERS, pool("one", "two", **affinity)]
    async with rig(tmp_path, Clock(), apis=TO_POOL, backends=backends) as gateway:
        first = await gateway.ask()
        cookie = first.headers["set-cookie"].partition(";")[0]
        assert cookie.startswith("SessionId=")
        marks = {(await gateway.ask(Cookie=cookie)).headers["x-tripcurve-backend"] for _ in range(4)}
        assert marks == {first.headers["x-tripcurve-backend"]}
        gateway.backend.replies = [status(429)]
        await gateway.ask(Cookie=cookie)
        moved = await gateway.ask(Cookie=cookie)
        assert moved.headers["x-tripcurve-backend"] != first.headers["x-tripcurve-backend"]
        assert moved.headers["set-cookie"].partition(";")[0] != cookie
