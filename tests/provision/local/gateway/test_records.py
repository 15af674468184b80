"""The request log: a line per request with Azure's columns, and one per call to a backend [D-LOG]."""

from __future__ import annotations

import asyncio
from pathlib import Path

from provision.local.wire import Request, Response
from tests.provision.local.gateway.rig import api, rig, to_backend

COLUMNS = {
    "TimeGenerated",
    "CorrelationId",
    "Region",
    "ApiId",
    "OperationId",
    "ProductId",
    "ApimSubscriptionId",
    "BackendId",
    "BackendUrl",
    "BackendMethod",
    "BackendProtocol",
    "BackendResponseCode",
    "BackendTime",
    "ClientTime",
    "TotalTime",
    "Cache",
    "CacheTime",
    "ResponseCode",
    "IsRequestSuccess",
    "RequestSize",
    "ResponseSize",
    "CallerIpAddress",
    "Method",
    "Url",
    "ClientProtocol",
    "LastErrorSource",
    "LastErrorReason",
    "LastErrorMessage",
    "LastErrorSection",
    "LastErrorScope",
    "LastErrorElapsed",
    "Errors",
    "TraceRecords",
    "UserId",
}
"""Columns of Azure Monitor's table [D-LOG]."""


async def test_log_has_every_column_of_azures_table_whatever_came_of_the_request(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        await gateway.ask()
        await gateway.ask(key=None)
        await gateway.ask("/nowhere")
        lines = [line for line in await gateway.logged() if line["Type"] == "ApiManagementGatewayLogs"]
    assert [line["ResponseCode"] for line in lines] == [200, 401, 404]
    assert [COLUMNS - line.keys() for line in lines] == [set()] * 3


async def test_retried_request_has_a_line_per_attempt(tmp_path: Path) -> None:
    retry = (
        '<retry condition="@(context.Response.StatusCode == 500)" count="2" interval="0"><forward-request /></retry>'
    )
    async with rig(tmp_path, apis=[api(to_backend(backend=retry))]) as gateway:
        gateway.backend.replies = [Response(500, [], b""), Response(500, [], b"")]
        assert (await gateway.ask()).status == 200
        *attempts, request = await gateway.logged()
    assert [(line["Attempt"], line["BackendResponseCode"]) for line in attempts] == [(1, 500), (2, 500), (3, 200)]
    assert {line["CorrelationId"] for line in attempts} == {request["CorrelationId"]}
    assert request["Attempts"] == 3


async def test_attempt_that_the_client_gave_up_is_written_down_too(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def never(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        raise AssertionError

    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [never]
        waiting = asyncio.create_task(gateway.ask())
        await gateway.backend.arrived.wait()
        waiting.cancel()
        await asyncio.wait_for(gone.wait(), 3)
        attempt, request = await gateway.logged()
    assert (attempt["BackendResponseCode"], attempt["ErrorReason"]) == (None, "ClientConnectionFailure")
    assert (request["ResponseCode"], request["BackendUrl"]) == (0, attempt["BackendUrl"])
