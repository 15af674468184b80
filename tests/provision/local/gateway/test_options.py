"""What the lab's `local:` options change in the data path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from provision.local.wire import Disconnect, Request, Response
from tests.provision.local.gateway.rig import MEMBERS, TO_POOL, Clock, pool, rig, rule, single, status


class Leaping(Clock):
    """A clock on which whatever is timed took 400 s."""

    def __call__(self) -> float:
        self.now += 400.0
        return self.now


@pytest.mark.parametrize(("counts", "after"), [(True, 503), (False, 200)])
async def test_stream_that_breaks_is_a_failure_where_the_option_says_so(
    tmp_path: Path, counts: bool, after: int
) -> None:
    async def events() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        raise Disconnect

    async def stream(request: Request) -> Response:
        return Response(200, [("content-type", "text/event-stream")], events())

    backends = [single(breaker=rule(1, condition={"errorReasons": ["BackendConnectionFailure"]}))]
    async with rig(tmp_path, backends=backends, options={"broken_stream_counts": counts}) as gateway:
        gateway.backend.replies = [stream]
        with suppress(asyncio.IncompleteReadError, ConnectionResetError, ValueError):
            await gateway.ask()
        assert (await gateway.ask()).status == after


@pytest.mark.parametrize(("option", "expected"), [("reissue", 200), ("503", 503)])
async def test_client_bound_to_a_tripped_member(tmp_path: Path, option: str, expected: int) -> None:
    affinity: dict[str, Any] = {"sessionAffinity": {"sessionId": {"source": "Cookie", "name": "SessionId"}}}
    backends = [*MEMBERS, pool("one", "two", **affinity)]
    changes: dict[str, Any] = {"apis": TO_POOL, "backends": backends, "options": {"affinity_to_tripped": option}}
    async with rig(tmp_path, Clock(), **changes) as gateway:
        gateway.backend.replies = [status(429)]
        cookie = (await gateway.ask()).headers["set-cookie"].partition(";")[0]
        got = await gateway.ask(Cookie=cookie)
        assert got.status == expected
        assert ("x-tripcurve-backend" in got.headers) is (expected == 200)
        assert (await gateway.ask()).status == 200, "who has no cookie gets the other member"


@pytest.mark.parametrize(
    ("option", "of_the_pool"), [("soonest", "40"), ("last_tripped", "60"), ("none_for_single", "40")]
)
async def test_retry_after_of_a_pools_503(tmp_path: Path, option: str, of_the_pool: str) -> None:
    clock = Clock()
    changes: dict[str, Any] = {
        "apis": TO_POOL,
        "backends": [*MEMBERS, pool("one", "two")],
        "options": {"shed_retry_after": option},
    }
    async with rig(tmp_path, clock, **changes) as gateway:
        gateway.backend.replies = [status(429), status(429)]
        await gateway.ask()
        clock.now += 20
        await gateway.ask()
        assert (await gateway.ask()).headers["retry-after"] == of_the_pool


@pytest.mark.parametrize(("option", "expected"), [("soonest", "60"), ("last_tripped", "60"), ("none_for_single", None)])
async def test_retry_after_of_a_single_backends_503(tmp_path: Path, option: str, expected: str | None) -> None:
    changes: dict[str, Any] = {"backends": [single(breaker=rule(1))], "options": {"shed_retry_after": option}}
    async with rig(tmp_path, Clock(), **changes) as gateway:
        gateway.backend.replies = [status(429)]
        await gateway.ask()
        got = await gateway.ask()
        assert (got.status, got.headers.get("retry-after")) == (503, expected)


@pytest.mark.parametrize(("counts", "expected"), [(True, 500), (False, 200)])
async def test_time_to_connect_is_taken_off_the_timeout(tmp_path: Path, counts: bool, expected: int) -> None:
    async with rig(tmp_path, Leaping(), options={"connect_time_counts": counts}) as gateway:
        assert (await gateway.ask()).status == expected  # connecting took longer than the 300 s there are
