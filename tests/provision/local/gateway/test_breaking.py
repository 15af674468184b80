"""The breaker and pools in the data path [D-BE]."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from provision.local.wire import Disconnect, Request, Response
from tests.provision.local.gateway.rig import (
    HOST,
    MARK,
    MEMBERS,
    TO_POOL,
    Clock,
    Rig,
    api,
    document,
    pool,
    rig,
    rule,
    single,
    status,
    to_backend,
)

PAIR = [*MEMBERS, pool("one", "two")]
RETRY = (
    '<retry condition="@(context.Response.StatusCode == 429 || context.Response.StatusCode == 503)" count="{count}" '
    'interval="0" first-fast-retry="true"><forward-request buffer-request-body="true" /></retry>'
)


async def trip(gateway: Rig, times: int = 3) -> None:
    gateway.backend.replies = [status(429) for _ in range(times)]
    for _ in range(times):
        assert (await gateway.ask()).status == 429


async def test_third_failure_trips_and_the_next_request_is_shed(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock()) as gateway:
        await trip(gateway)
        got = await gateway.ask()
        assert got.status == 503
        assert got.body == b'{ "statusCode": 503, "message": "Backend \'one\' is temporarily unavailable." }'
        assert got.headers["reason"] == "Service Unavailable"
        assert got.headers["retry-after"] == "60"
        assert "x-tripcurve-backend" not in got.headers
        assert len(gateway.backend.seen) == 3


async def test_backends_own_503_is_marked_as_its_own(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock()) as gateway:
        gateway.backend.replies = [status(503)]
        assert (await gateway.ask()).headers["x-tripcurve-backend"] == HOST


async def test_statuses_outside_the_ranges_never_trip(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock()) as gateway:
        gateway.backend.replies = [status(500) for _ in range(10)]
        assert [(await gateway.ask()).status for _ in range(11)] == [500] * 10 + [200]


async def test_request_at_the_very_deadline_is_admitted_and_not_before(tmp_path: Path) -> None:
    clock = Clock()
    async with rig(tmp_path, clock) as gateway:
        await trip(gateway)
        clock.now += 59.999
        got = await gateway.ask()
        assert (got.status, got.headers["retry-after"]) == (503, "1")
        clock.now = 5060.0
        assert (await gateway.ask()).status == 200


async def test_events_are_event_grids_with_the_exact_instants(tmp_path: Path) -> None:
    clock = Clock()
    async with rig(tmp_path, clock) as gateway:
        await trip(gateway)
        clock.now += 61
        await gateway.ask()
        opened, closed = gateway.events()
    assert opened["eventType"] == "Microsoft.ApiManagement.CircuitBreaker.Opened"
    assert opened["subject"] == "/backends/one/circuit-breaker/rules/rule"
    assert opened["topic"] == "/subscriptions/s/service/svc"
    assert opened["data"]["circuitBreaker"] == {"rules": {"rule": {"tripDuration": "00:01:00"}}}
    local = opened["data"]["local"]
    assert (local["failures"], local["unit"]) == (3, 0)
    assert local["open_until_ns"] - local["at_ns"] == 60_000_000_000
    assert closed["eventType"].endswith(".Closed")
    assert closed["data"]["local"]["at_ns"] == local["open_until_ns"]
    assert closed["data"]["local"]["noticed_ns"] - local["at_ns"] == 61_000_000_000
    assert abs(_unix(opened["eventTime"]) - local["at_ns"] / 1e9) < 1e-3


def _unix(text: str) -> float:
    return datetime.fromisoformat(text[:26] + "+00:00").timestamp()


async def test_the_reset_is_published_by_a_timer_without_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    async with rig(tmp_path, clock, backends=[single(breaker=rule(trip="PT50S"))]) as gateway:
        timers: list[tuple[float, Callable[[], object]]] = []
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def noted(delay: float, callback: Callable[..., object], *args: object) -> asyncio.TimerHandle:
            timers.append((delay, partial(callback, *args)))
            return call_later(delay, callback, *args)

        monkeypatch.setattr(loop, "call_later", noted)
        await trip(gateway)
        [deadline] = [callback for delay, callback in timers if delay == 50.0]
        clock.now += 50
        deadline()
        assert gateway.kinds() == ["Opened", "Closed"]
        local = gateway.events()[-1]["data"]["local"]
        assert local["noticed_ns"] == local["at_ns"]


async def test_option_tells_the_reset_only_when_a_request_comes(tmp_path: Path) -> None:
    clock = Clock()
    async with rig(tmp_path, clock, options={"closed_event": "at_next_request"}) as gateway:
        await trip(gateway)
        clock.now += 61
        assert gateway.kinds() == ["Opened"]
        await gateway.ask()
        assert gateway.kinds() == ["Opened", "Closed"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("86400", 86400), ("nonsense", 60), (None, 60), ("0", 0)],
)
async def test_retry_after_replaces_the_trip_duration_where_accepted(
    tmp_path: Path, value: str | None, seconds: int
) -> None:
    clock = Clock()
    backends = [single(breaker=rule(1, acceptRetryAfter=True))]
    async with rig(tmp_path, clock, backends=backends) as gateway:
        gateway.backend.replies = [status(429, *([("retry-after", value)] if value is not None else []))]
        await gateway.ask()
        assert gateway.events()[0]["data"]["local"]["trip_duration_s"] == seconds
        clock.now += max(seconds - 0.5, 0)
        assert (await gateway.ask()).status == (503 if seconds else 200)
        clock.now += 0.5
        assert (await gateway.ask()).status == 200


async def test_retry_after_may_be_a_date(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), backends=[single(breaker=rule(1, acceptRetryAfter=True))]) as gateway:
        gateway.backend.replies = [status(429, ("retry-after", formatdate(time.time() + 300, usegmt=True)))]
        await gateway.ask()
        assert 290 < gateway.events()[0]["data"]["local"]["trip_duration_s"] <= 300


async def test_retry_after_is_left_alone_where_not_accepted(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), backends=[single(breaker=rule(1))]) as gateway:
        gateway.backend.replies = [status(429, ("retry-after", "7"))]
        assert (await gateway.ask()).headers["retry-after"] == "7"
        assert gateway.events()[0]["data"]["local"]["trip_duration_s"] == 60


async def test_failure_that_was_under_way_at_the_trip_neither_counts_nor_extends(tmp_path: Path) -> None:
    clock = Clock()
    release = asyncio.Event()

    async def late(request: Request) -> Response:
        await release.wait()
        return status(429)

    async with rig(tmp_path, clock, backends=[single(breaker=rule(1))]) as gateway:
        gateway.backend.replies = [late, status(429)]
        waiting = asyncio.create_task(gateway.ask())
        await gateway.backend.arrived.wait()
        assert (await gateway.ask()).status == 429
        clock.now += 30
        release.set()
        assert (await waiting).status == 429
        assert gateway.kinds() == ["Opened"]
        clock.now += 30
        assert (await gateway.ask()).status == 200


async def test_option_cancels_requests_under_way_at_the_trip(tmp_path: Path) -> None:
    async def never(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    changes: dict[str, Any] = {"backends": [single(breaker=rule(1))], "options": {"in_flight_at_trip": "cancelled"}}
    async with rig(tmp_path, Clock(), **changes) as gateway:
        gateway.backend.replies = [never, status(429)]
        waiting = asyncio.create_task(gateway.ask())
        await gateway.backend.arrived.wait()
        await gateway.ask()
        assert (await waiting).status == 500


async def test_shed_runs_on_error_with_a_response_to_look_at(tmp_path: Path) -> None:
    seen = (
        '<set-header name="seen" exists-action="override"><value>'
        '@(context.Response.StatusCode + "/" + context.LastError.Section)</value></set-header>'
        '<set-status code="429" reason="Too Many Requests" />'
    )
    async with rig(tmp_path, Clock(), apis=[api(to_backend(on_error=seen))]) as gateway:
        await trip(gateway)
        got = await gateway.ask()
        assert (got.status, got.headers["seen"], got.headers["retry-after"]) == (429, "503/backend", "60")


async def test_state_belongs_to_the_backend_whatever_path_leads_there(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock()) as gateway:
        await trip(gateway)
        assert (await gateway.ask("/openai/deployments/other/chat/completions")).status == 503


async def test_members_of_a_pool_take_turns_from_the_first(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), apis=TO_POOL, backends=PAIR) as gateway:
        marks = [(await gateway.ask()).headers["x-tripcurve-backend"] for _ in range(4)]
        assert marks == ["one.azurewebsites.net", "two.azurewebsites.net"] * 2
        assert gateway.backend.hosts == marks


async def test_retry_moves_to_the_other_member_within_one_request(tmp_path: Path) -> None:
    policy = to_backend("pool", backend=RETRY.format(count=1))
    async with rig(tmp_path, Clock(), apis=[api(policy)], backends=PAIR) as gateway:
        gateway.backend.replies = [status(429)]
        got = await gateway.ask(body=b'{"a": 1}')
        assert (got.status, got.headers["x-tripcurve-backend"]) == (200, "two.azurewebsites.net")
        assert gateway.backend.hosts == ["one.azurewebsites.net", "two.azurewebsites.net"]
        assert [request.body for request in gateway.backend.seen] == [b'{"a": 1}'] * 2
        assert [request.target for request in gateway.backend.seen] == ["/openai/deployments/gpt/chat/completions"] * 2


async def test_pool_with_nobody_left_tells_the_soonest_reset(tmp_path: Path) -> None:
    clock = Clock()
    async with rig(tmp_path, clock, apis=TO_POOL, backends=PAIR) as gateway:
        gateway.backend.replies = [status(429), status(429)]
        await gateway.ask()
        clock.now += 20
        await gateway.ask()
        got = await gateway.ask()
        assert (got.status, got.headers["retry-after"]) == (503, "40")
        assert b"Backend pool 'pool'" in got.body
        clock.now += 40
        assert (await gateway.ask()).headers["x-tripcurve-backend"] == "one.azurewebsites.net"


async def test_retry_that_finds_nobody_ends_in_the_pools_503(tmp_path: Path) -> None:
    policy = to_backend("pool", backend=RETRY.format(count=5))
    async with rig(tmp_path, Clock(), apis=[api(policy)], backends=PAIR) as gateway:
        gateway.backend.replies = [status(429), status(429)]
        got = await gateway.ask()
        assert got.status == 503
        assert len(gateway.backend.seen) == 2


async def test_lower_priority_takes_over_only_when_the_higher_is_tripped(tmp_path: Path) -> None:
    backends = json.loads(json.dumps(PAIR))
    backends[2]["properties"]["pool"]["services"][1]["priority"] = 2
    async with rig(tmp_path, Clock(), apis=TO_POOL, backends=backends) as gateway:
        for _ in range(3):
            await gateway.ask()
        gateway.backend.replies = [status(429)]
        await gateway.ask()
        await gateway.ask()
        assert gateway.backend.hosts == ["one.azurewebsites.net"] * 4 + ["two.azurewebsites.net"]


@pytest.mark.parametrize(("reasons", "shed"), [(["BackendConnectionFailure"], True), (["Timeout"], False), ([], False)])
async def test_broken_connection_counts_where_its_reason_is_listed(
    tmp_path: Path, reasons: list[str], shed: bool
) -> None:
    async def drop(request: Request) -> Response:
        raise Disconnect

    breaker = rule(1, condition={"errorReasons": reasons})
    async with rig(tmp_path, Clock(), backends=[single(breaker=breaker)]) as gateway:
        gateway.backend.replies = [drop]
        assert (await gateway.ask()).status == 500
        assert (await gateway.ask()).status == (503 if shed else 200)


async def test_timeout_counts_where_it_is_listed(tmp_path: Path) -> None:
    async def never(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    breaker = rule(1, condition={"errorReasons": ["Timeout"]})
    policy = to_backend(backend='<forward-request timeout-ms="50" />')
    async with rig(tmp_path, apis=[api(policy)], backends=[single(breaker=breaker)]) as gateway:
        gateway.backend.replies = [never]
        assert (await gateway.ask()).status == 500
        assert (await gateway.ask()).status == 503
        reasons = [line["LastErrorReason"] for line in await gateway.logged() if "LastErrorReason" in line]
        assert reasons == ["Timeout", "CircuitBreakerOpen"]


async def test_client_that_leaves_says_nothing_about_the_backend(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def slow(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        raise AssertionError

    breaker = rule(1, condition={"errorReasons": ["BackendConnectionFailure", "ClientConnectionFailure", "Timeout"]})
    async with rig(tmp_path, Clock(), backends=[single(breaker=breaker)]) as gateway:
        gateway.backend.replies = [slow]
        waiting = asyncio.create_task(gateway.ask())
        await gateway.backend.arrived.wait()
        waiting.cancel()
        await asyncio.wait_for(gone.wait(), 3)
        assert (await gateway.ask()).status == 200
        assert gateway.kinds() == []
        assert gateway.unit.counts()["client_left"] == 1


async def test_new_configuration_with_the_same_rule_leaves_the_breaker_open(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock()) as gateway:
        await trip(gateway)
        gateway.configure()
        assert (await gateway.ask()).status == 503
        gateway.configure(backends=[single(breaker=rule(), title="another title")])
        assert (await gateway.ask()).status == 503


async def test_changed_rule_resets_and_says_so(tmp_path: Path) -> None:
    clock = Clock()
    async with rig(tmp_path, clock) as gateway:
        await trip(gateway)
        clock.now += 10
        gateway.configure(backends=[single(breaker=rule(5))])
        assert gateway.kinds() == ["Opened", "Closed"]
        assert gateway.events()[-1]["data"]["local"]["trip_duration_s"] == 10
        assert (await gateway.ask()).status == 200


@pytest.mark.parametrize(("option", "shed"), [("reset", False), ("kept", True)])
async def test_option_decides_what_storing_the_backend_does(tmp_path: Path, option: str, shed: bool) -> None:
    options = {"backend_put_while_open": option}
    async with rig(tmp_path, Clock(), options=options) as gateway:
        await trip(gateway)
        gateway.configure(options=options)
        assert (await gateway.ask()).status == 503
        gateway.configure(options=options, backends=[single(breaker=rule(5), title="stored anew")])
        assert (await gateway.ask()).status == (503 if shed else 200)


async def test_backend_that_is_deleted_and_made_again_starts_closed(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock()) as gateway:
        await trip(gateway)
        gateway.configure(backends=[])
        assert gateway.kinds() == ["Opened", "Closed"]
        gateway.configure()
        assert (await gateway.ask()).status == 200


async def test_legacy_profile_words_the_reason_as_before(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), apis=TO_POOL, backends=PAIR, options={"shed_profile": "legacy"}) as gateway:
        gateway.backend.replies = [status(429), status(429)]
        await gateway.ask()
        await gateway.ask()
        assert (await gateway.ask()).headers["reason"] == "Backend pool pool is temporarily unavailable"


async def test_url_shows_the_member_after_forwarding(tmp_path: Path) -> None:
    outbound = MARK + '<set-header name="url"><value>@(context.Request.Url.ToString())</value></set-header>'
    policy = document('<set-backend-service backend-id="pool" />', outbound=outbound)
    async with rig(tmp_path, Clock(), apis=[api(policy)], backends=PAIR) as gateway:
        got = await gateway.ask("/openai/deployments/gpt/chat/completions?api-version=1")
        assert got.headers["url"] == (
            "https://one.azurewebsites.net/openai/deployments/gpt/chat/completions?api-version=1"
        )
