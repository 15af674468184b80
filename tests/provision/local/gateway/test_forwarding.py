"""What reaches the backend, what comes back, and how it streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from provision.local.wire import Disconnect, Request, Response, Server
from tests.provision.local.gateway.rig import (
    CHAT,
    HOST,
    KEY,
    Rig,
    api,
    document,
    header,
    read_answer,
    rig,
    single,
    status,
    to_backend,
    until,
)

READS_BODY = header("size", "context.Request.Body.As<string>(preserveContent: true)")


async def test_path_query_and_host_are_the_backends(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        await gateway.ask(f"{CHAT}?api-version=2024-02-01&x=a%20b", body=b'{"a": 1}')
        (request,) = gateway.backend.seen
        assert request.method == "POST"
        assert request.target == "/openai/deployments/gpt/chat/completions?api-version=2024-02-01&x=a%20b"
        assert request.header("host") == HOST
        assert request.body == b'{"a": 1}'


async def test_key_is_passed_on_and_the_clients_address_added(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        await gateway.ask(X_Forwarded_For="203.0.113.7")
        (request,) = gateway.backend.seen
        assert request.header("api-key") == KEY
        assert request.header("x-forwarded-for") == "203.0.113.7, 127.0.0.1"


async def test_headers_of_one_connection_do_not_cross(tmp_path: Path) -> None:
    hop = {"Connection": "x-private, keep-alive", "X_Private": "1", "TE": "trailers", "Proxy_Authorization": "x"}
    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [status(200, ("keep-alive", "timeout=5"), ("x-kept", "1"))]
        got = await gateway.ask(X_Kept="1", **hop)
        (request,) = gateway.backend.seen
        names = {name for name, _ in request.headers}
        assert names.isdisjoint({"x-private", "te", "proxy-authorization", "keep-alive", "connection"})
        assert "x-kept" in names
        assert "keep-alive" not in got.headers
        assert got.headers["x-kept"] == "1"


async def test_client_cannot_strip_what_the_gateway_sets(tmp_path: Path) -> None:
    inbound = '<set-header name="Authorization" exists-action="override"><value>Bearer x</value></set-header>'
    async with rig(tmp_path, apis=[api(to_backend(inbound=inbound))]) as gateway:
        await gateway.ask(Connection="authorization, host, content-length", body=b"abc")
        (request,) = gateway.backend.seen
        assert request.header("authorization") == "Bearer x"
        assert request.body == b"abc"


async def test_policy_may_set_the_host(tmp_path: Path) -> None:
    inbound = '<set-header name="Host" exists-action="override"><value>example.test</value></set-header>'
    async with rig(tmp_path, apis=[api(to_backend(inbound=inbound))]) as gateway:
        await gateway.ask()
        assert gateway.backend.hosts == ["example.test"]


async def test_service_url_is_used_where_no_policy_names_a_backend(tmp_path: Path) -> None:
    apis = [api(document(), service_url=f"https://{HOST}/base/")]
    async with rig(tmp_path, apis=apis) as gateway:
        assert (await gateway.ask(f"{CHAT}?a=b")).status == 200
        assert gateway.backend.seen[0].target == "/base/deployments/gpt/chat/completions?a=b"


async def test_base_url_takes_precedence_over_the_service_url(tmp_path: Path) -> None:
    policy = document('<set-backend-service base-url="https://two.azurewebsites.net/v2" />')
    async with rig(tmp_path, apis=[api(policy, service_url=f"https://{HOST}/base")]) as gateway:
        assert (await gateway.ask()).status == 200
        request = gateway.backend.seen[0]
        assert (request.header("host"), request.target) == (
            "two.azurewebsites.net",
            "/v2/deployments/gpt/chat/completions",
        )


async def test_dot_segments_are_resolved_before_anything_is_looked_up(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        assert (await gateway.ask("/openai/things/../things/./7", "GET", b"")).status == 200
        assert gateway.backend.seen[0].target == "/openai/things/7"
        assert (await gateway.ask("/openai/things/../../secret", "GET", b"")).status == 404


async def test_backends_credentials_are_added(tmp_path: Path) -> None:
    credentials = {
        "header": {"x-key": ["secret"]},
        "query": {"code": ["a b"]},
        "authorization": {"scheme": "Basic", "parameter": "Zm9v"},
    }
    async with rig(tmp_path, backends=[single(credentials=credentials)]) as gateway:
        await gateway.ask(X_Key="the client's", Authorization="Bearer client")
        (request,) = gateway.backend.seen
        assert [value for name, value in request.headers if name == "x-key"] == ["secret"]
        assert [value for name, value in request.headers if name == "authorization"] == ["Basic Zm9v"]
        assert request.target.endswith("?code=a%20b")


async def test_status_reason_and_repeated_headers_come_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [Response(299, [("set-cookie", "a=1"), ("set-cookie", "b=2")], b"x", "Fine Enough")]
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.head(CHAT, "POST", KEY, 0))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 299 Fine Enough\r\n")
        assert head.count(b"set-cookie: ") == 2
        writer.close()


async def test_head_keeps_the_length_it_tells(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [Response(200, [], b"12345")]
        got = await gateway.ask("/openai/things/7", "HEAD", b"")
        assert (got.status, got.headers["content-length"]) == (200, "5")


async def test_no_backend_at_all_is_a_500_with_an_activity_id(tmp_path: Path) -> None:
    async with rig(tmp_path, apis=[api(document())]) as gateway:
        got = await gateway.ask()
        assert got.status == 500
        assert got.body.startswith(b'{ "statusCode": 500, "message": "Internal server error", "activityId": "')


@pytest.mark.parametrize("url", ["https://example.com/x", "http://10.0.0.1/x", "http://169.254.169.254/metadata"])
async def test_hosts_beyond_this_machine_are_not_contacted_unless_allowed(tmp_path: Path, url: str) -> None:
    async with rig(tmp_path, backends=[single(url=url)]) as gateway:
        assert (await gateway.ask()).status == 500
        line = (await gateway.logged())[-1]
        assert line["LastErrorReason"] == "BackendConnectionFailure"
        assert "not on this machine" in line["LastErrorMessage"]


async def test_other_loopback_servers_are_contacted_for_real(tmp_path: Path) -> None:
    seen: list[str] = []

    async def handler(request: Request) -> Response:
        seen.append(request.target)
        return Response(200, [], b"real")

    server = Server(handler)
    port = await server.listen("127.0.0.1", 0)
    async with rig(tmp_path, backends=[single(url=f"http://127.0.0.1:{port}/api")]) as gateway:
        assert (await gateway.ask()).body == b"real"
        assert seen == ["/api/deployments/gpt/chat/completions"]
    await server.close()


@pytest.mark.parametrize(("option", "seen"), [("synthetic_500", "500"), ("null", "none")])
async def test_option_decides_what_on_error_sees_after_a_broken_connection(
    tmp_path: Path, option: str, seen: str
) -> None:
    async def drop(request: Request) -> Response:
        raise Disconnect

    on_error = (
        '<set-variable name="seen" value="@(context.Response == null ? &quot;none&quot; : '
        'context.Response.StatusCode.ToString())" />'
        '<return-response><set-header name="seen"><value>@((string)context.Variables["seen"])</value></set-header>'
        "</return-response>"
    )
    apis = [api(to_backend(on_error=on_error))]
    async with rig(tmp_path, apis=apis, options={"response_after_transport_failure": option}) as gateway:
        gateway.backend.replies = [drop]
        assert (await gateway.ask()).headers["seen"] == seen


# streaming


async def test_first_event_reaches_the_client_before_the_last_is_produced(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        await go_on.wait()
        yield b"data: [DONE]\n\n"

    async def stream(request: Request) -> Response:
        return Response(200, [("content-type", "text/event-stream")], events())

    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [stream]
        reader, writer = await _send(gateway)
        await asyncio.wait_for(reader.readuntil(b"data: first\n\n"), 3)
        go_on.set()
        await asyncio.wait_for(reader.readuntil(b"data: [DONE]\n\n\r\n0\r\n\r\n"), 3)
        writer.close()
        assert (await gateway.logged())[-1]["ResponseSize"] == len(b"data: first\n\ndata: [DONE]\n\n")


async def test_client_that_leaves_a_stream_stops_the_backend(tmp_path: Path) -> None:
    stopped = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"data: more\n\n"
                await asyncio.sleep(0)
        finally:
            stopped.set()

    async def stream(request: Request) -> Response:
        return Response(200, [("content-type", "text/event-stream")], events())

    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [stream]
        reader, writer = await _send(gateway)
        await reader.readuntil(b"data: more\n\n")
        writer.close()
        await asyncio.wait_for(stopped.wait(), 3)
        line = (await gateway.logged())[-1]
        assert (line["ResponseCode"], line["LastErrorReason"]) == (200, "ClientConnectionFailure")


async def test_stream_that_breaks_reaches_the_client_as_broken(tmp_path: Path) -> None:
    async def events() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        raise Disconnect

    async def stream(request: Request) -> Response:
        return Response(200, [], events())

    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [stream]
        reader, writer = await _send(gateway)
        got = b""
        try:
            while piece := await reader.read(1000):
                got += piece
        except ConnectionResetError:
            pass
        assert b"data: first" in got
        assert not got.endswith(b"0\r\n\r\n")
        writer.close()
        assert (await gateway.logged())[-1]["LastErrorReason"] == "BackendConnectionFailure"


async def test_upload_streams_to_the_backend_while_it_arrives(tmp_path: Path) -> None:
    first = asyncio.Event()

    async def slow_reader(request: Request) -> Response:
        assert not isinstance(request.body, bytes)
        got = await anext(request.body)
        first.set()
        async for part in request.body:
            got += part
        return Response(200, [], got)

    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [slow_reader]
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.head(CHAT, "POST", KEY, 10) + b"first")
        await asyncio.wait_for(first.wait(), 3)
        writer.write(b"-last")
        assert (await read_answer(reader)).body == b"first-last"
        writer.close()


async def test_body_that_a_policy_reads_is_gathered_first(tmp_path: Path) -> None:
    async with rig(tmp_path, apis=[api(to_backend(inbound=READS_BODY))]) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.head(CHAT, "POST", KEY, 10) + b"first")
        await until(lambda: gateway.unit.requests == 1)
        await gateway.ask(body=b"later")  # by then a request passed on early would have reached the backend
        assert [request.body for request in gateway.backend.seen] == [b"later"]
        writer.write(b"-last")
        assert (await read_answer(reader)).status == 200
        assert gateway.backend.seen[1].header("size") == "first-last"
        assert gateway.backend.seen[1].body == b"first-last"
        writer.close()


async def test_body_in_bad_chunks_never_becomes_a_whole_request(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.head(CHAT, "POST", KEY, None, Transfer_Encoding="chunked") + b"3\r\nabc\r\n")
        await until(lambda: gateway.unit.requests == 1)
        writer.write(b"nonsense\r\n")
        assert (await read_answer(reader)).status == 400
        writer.close()
        assert gateway.unit.counts()["by_status"] == {"400": 1}
    assert [request for request in gateway.backend.seen if isinstance(request.body, bytes)] == []


async def test_refused_request_reaches_neither_policy_nor_backend(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        head = gateway.head(CHAT, "POST", KEY, 3, Transfer_Encoding="chunked")
        writer.write(head + b"0\r\n\r\n" + gateway.head(CHAT, "POST", KEY, 0))
        assert (await read_answer(reader)).status == 400
        assert await reader.read() == b""
        writer.close()
        assert gateway.backend.seen == []
        assert gateway.unit.counts()["refused"] == {"400": 1}
        assert gateway.unit.counts()["requests"] == 0


async def _send(gateway: Rig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(gateway.head(CHAT, "POST", KEY, 2) + b"{}")
    return reader, writer


# other servers, logs, counts


async def test_policy_can_call_another_server_on_its_own(tmp_path: Path) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [("x-made", request.header("x-sent") or "")], await request.read(100))

    server = Server(handler)
    port = await server.listen("127.0.0.1", 0)
    inbound = (
        f'<send-request mode="new" response-variable-name="other" timeout="5"><set-url>http://127.0.0.1:{port}/x</set-url>'
        '<set-method>POST</set-method><set-header name="x-sent"><value>yes</value></set-header>'
        "<set-body>hello</set-body></send-request>"
    )
    said = header("said", 'context.Variables.GetValueOrDefault<IResponse>("other").Body.As<string>()')
    async with rig(tmp_path, apis=[api(to_backend(inbound=inbound, outbound=said))]) as gateway:
        assert (await gateway.ask()).headers["said"] == "hello"
        assert len(gateway.backend.seen) == 1
    await server.close()


@pytest.mark.parametrize(("ignore", "status"), [("true", 200), ("false", 500)])
async def test_call_of_a_policy_that_fails_is_an_error_unless_ignored(tmp_path: Path, ignore: str, status: int) -> None:
    inbound = (
        f'<send-request mode="new" response-variable-name="other" ignore-error="{ignore}">'
        "<set-url>http://127.0.0.1:9/x</set-url><set-method>GET</set-method></send-request>"
    )
    async with rig(tmp_path, apis=[api(to_backend(inbound=inbound))]) as gateway:
        assert (await gateway.ask()).status == status


async def test_log_has_a_line_per_request_and_one_per_attempt(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        await gateway.ask(f"{CHAT}?subscription-key=secret", body=b"12345")
        attempt, request = await gateway.logged()
    assert (attempt["Type"], attempt["BackendId"], attempt["BackendResponseCode"]) == ("BackendAttempt", "one", 200)
    assert request["CorrelationId"] == attempt["CorrelationId"]
    expected = {
        "ApiId": "openai",
        "OperationId": "chat",
        "ApimSubscriptionId": "master",
        "BackendId": "one",
        "BackendResponseCode": 200,
        "ResponseCode": 200,
        "IsRequestSuccess": True,
        "RequestSize": 5,
        "ResponseSize": 2,
        "Method": "POST",
        "Region": "eastus",
        "ClientProtocol": "HTTP/1.1",
    }
    assert {name: request[name] for name in expected} == expected
    assert request["TotalTime"] >= request["BackendTime"] > 0
    assert "secret" not in str(request) + str(attempt)
    assert KEY not in str(request)


async def test_counts_agree_with_what_clients_saw(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        gateway.backend.replies = [status(429)] * 3
        for _ in range(5):
            await gateway.ask()
        await gateway.ask(key=None)
        counts = gateway.unit.counts()
    assert counts["requests"] == 6
    assert counts["by_status"] == {"401": 1, "429": 3, "503": 2}
    assert counts["backend_attempts"] == 3


async def test_the_mock_gets_the_number_of_the_unit_with_a_simulation(tmp_path: Path) -> None:
    service = {"name": "svc", "resource_id": "/s", "location": "eastus", "sku": "BasicV2", "unit": 3}
    async with rig(tmp_path, service=service) as gateway:
        await gateway.ask(X_Simulation="{}", X_Tripcurve_Instance="9")
        await gateway.ask()
        simulated, plain = gateway.backend.seen
        assert simulated.header("x-tripcurve-instance") == "3", "a client cannot pass another number"
        assert plain.header("x-tripcurve-instance") is None
