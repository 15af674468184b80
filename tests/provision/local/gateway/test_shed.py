"""The answer of an open breaker: its status, and that no shipped policy marks it as a backend's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from provision.local.wire import Request, Response, Server
from tests.provision.local.gateway.rig import Clock, Rig, api, pool, rig, rule, single, status, to_backend
from tripcurve.lab.model import POLICIES
from tripcurve.shipped import shipped_folder

SHIPPED = sorted(path.name for path in shipped_folder(POLICIES).glob("*.xml"))
SECTIONS = ["on-error", "outbound"]
MARKER, WAIT = "x-tripcurve-backend", "x-tripcurve-backend-ms"
IN_STATUS = '<choose><when condition="@(context.Response.StatusCode == 503)">{}</when></choose>'
TO_429 = {
    "return-response": IN_STATUS.format('<return-response><set-status code="429" /></return-response>'),
    "set-status": IN_STATUS.format('<set-status code="429" reason="Too Many Requests" />'),
}


def answering(code: int) -> dict[str, Any]:
    return {"failureResponse": {"statusCode": code}}


def shipped(policy: str, backend: str = "one") -> dict[str, Any]:
    text = (shipped_folder(POLICIES) / policy).read_text("utf-8")
    return api(text.replace("{backend-id}", backend))


@asynccontextmanager
async def gateway_with(
    folder: Path, apis: dict[str, Any], section: str, *backends: dict[str, Any]
) -> AsyncIterator[Rig]:
    """A unit whose time stands still, with an identity endpoint for the shipped policies."""

    async def tokens(request: Request) -> Response:
        return Response(200, [], b'{"access_token": "abc", "expires_on": 99999999999}')

    server = Server(tokens)
    port = await server.listen("127.0.0.1", 0)
    identity = {"principal_id": "p", "endpoint": f"http://127.0.0.1:{port}/msi", "secret": "shh"}
    service = {"name": "svc", "resource_id": "/svc", "identity": identity}
    changes: dict[str, Any] = {"apis": [apis], "backends": list(backends), "options": {"open_section": section}}
    try:
        async with rig(folder, Clock(), service=service, **changes) as gateway:
            yield gateway
    finally:
        await server.close()


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("policy", SHIPPED)
async def test_a_shipped_policy_marks_answers_of_a_backend_and_no_shed(
    tmp_path: Path, policy: str, section: str
) -> None:
    async with gateway_with(tmp_path, shipped(policy), section, single(breaker=rule(2))) as gateway:
        answered = await gateway.ask()
        assert (answered.status, answered.headers[MARKER]) == (200, "one")
        assert float(answered.headers[WAIT]) > 0
        gateway.backend.replies = [status(429)] * 2
        while gateway.kinds() == []:
            await gateway.ask()
        shed = await gateway.ask()
        assert (shed.status, MARKER in shed.headers, WAIT in shed.headers) == (503, False, False)
        assert shed.headers["retry-after"] == "60"


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("policy", SHIPPED)
async def test_the_rule_chooses_the_status_of_a_shed(tmp_path: Path, policy: str, section: str) -> None:
    breaker = rule(1, **answering(429))
    async with gateway_with(tmp_path, shipped(policy), section, single(breaker=breaker)) as gateway:
        gateway.backend.replies = [status(429)]
        await gateway.ask()
        shed = await gateway.ask()
        assert (shed.status, shed.headers["reason"], MARKER in shed.headers) == (429, "Too Many Requests", False)
        assert shed.body == b'{ "statusCode": 429, "message": "Backend \'one\' is temporarily unavailable." }'


@pytest.mark.parametrize("section", SECTIONS)
async def test_a_pool_marks_the_member_and_answers_with_its_own_status_when_all_are_open(
    tmp_path: Path, section: str
) -> None:
    members = [single(name, f"{name}.azurewebsites.net", rule(1, **answering(418))) for name in ("one", "two")]
    backends = [*members, pool("one", "two", **answering(429))]
    async with gateway_with(tmp_path, shipped("pool-retry.xml", "pool"), section, *backends) as gateway:
        gateway.backend.replies = [status(429)]
        answered = await gateway.ask()
        assert (answered.status, answered.headers[MARKER]) == (200, "two"), "the second attempt got to the other"
        gateway.backend.replies = [status(429)]
        shed = await gateway.ask()
        assert gateway.kinds() == ["Opened", "Opened"]
        assert (shed.status, MARKER in shed.headers) == (429, False), "the mark of the first attempt is not kept"
        assert b"Backend pool 'pool'" in shed.body


@pytest.mark.parametrize("how", sorted(TO_429))
@pytest.mark.parametrize("section", SECTIONS)
async def test_a_policy_that_answers_429_instead_hides_neither_the_shed_nor_the_trip(
    tmp_path: Path, how: str, section: str
) -> None:
    policy = to_backend(**{section.replace("-", "_"): TO_429[how]})
    async with gateway_with(tmp_path, api(policy), section, single(breaker=rule(1))) as gateway:
        gateway.backend.replies = [status(429)]
        await gateway.ask()
        shed = await gateway.ask()
        assert (shed.status, MARKER in shed.headers, len(gateway.backend.seen)) == (429, False, 1)
        assert gateway.kinds() == ["Opened"]


@pytest.mark.parametrize(("section", "source"), [("on-error", "forward-request"), ("outbound", None)])
async def test_outbound_runs_without_an_error_where_the_option_says_so(
    tmp_path: Path, section: str, source: str | None
) -> None:
    async with gateway_with(tmp_path, api(), section, single(breaker=rule(1))) as gateway:
        gateway.backend.replies = [status(429)]
        await gateway.ask()
        await gateway.ask()
        assert (await gateway.logged())[-1]["LastErrorSource"] == source
