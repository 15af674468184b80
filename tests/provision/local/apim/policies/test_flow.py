"""Sections, scopes, faults and on-error [D-POL] [D-ERR]."""

from __future__ import annotations

import asyncio

from provision.local.apim.context import PolicyContext, Response
from provision.local.apim.policies import DEFAULT_GLOBAL, Pipeline, compile_document
from provision.local.apim.services import PolicyFault
from tests.provision.local.apim.policies.harness import (
    BROKEN,
    Gateway,
    answer,
    context,
    mark,
    pipeline,
    policy,
    run,
    unanswered,
)


def sent_500(response: Response | None) -> bool:
    assert response is not None
    assert response.headers.get("Content-Type") == "application/json"
    expected = '{ "statusCode": 500, "message": "Internal server error", "activityId": '
    expected += '"00000000-0000-0000-0000-000000000007" }'
    return response.status_code == 500 and response.body.data == expected.encode()


# sections and scopes


async def test_base_puts_the_parents_section_where_it_stands() -> None:
    api = f"<policies><inbound>{mark('api-1')}<base />{mark('api-2')}</inbound></policies>"
    operation = f"<policies><inbound>{mark('op-1')}<base />{mark('op-2')}</inbound></policies>"
    visit = await run(api, operation)
    assert visit.request.headers.get("trail") == "op-1,api-1,api-2,op-2"


async def test_without_base_the_parent_does_not_run() -> None:
    visit = await run(policy(mark("api")), f"<policies><inbound>{mark('op')}</inbound></policies>")
    assert visit.request.headers.get("trail") == "op"


async def test_a_section_that_is_left_out_is_inherited() -> None:
    gateway = Gateway()
    await run("<policies><inbound><base /></inbound></policies>", gateway=gateway)
    assert len(gateway.forwarded) == 1


async def test_base_inside_a_condition_runs_the_parent_there() -> None:
    inner = '<choose><when condition="true"><base /></when></choose>'
    visit = await run(policy(mark("api")), f"<policies><inbound>{mark('op')}{inner}</inbound></policies>")
    assert visit.request.headers.get("trail") == "op,api"


async def test_the_backend_section_without_forward_request_calls_nobody() -> None:
    gateway = Gateway()
    visit = await run("<policies><backend /></policies>", gateway=gateway)
    assert gateway.forwarded == []
    assert visit.response is not None
    assert visit.response.status_code == 200


async def test_set_header_works_on_the_request_before_and_on_the_response_after_the_backend() -> None:
    visit = await run(
        policy(
            mark("in"),
            f"<retry condition='false' count='1' interval='0'>{mark('mid')}<forward-request /></retry>",
            mark("out"),
        )
    )
    assert visit.request.headers.get("trail") == "in,mid"
    assert visit.response is not None
    assert visit.response.headers.get("trail") == "out"


# faults


async def test_a_fault_skips_the_rest_and_runs_on_error_with_last_error() -> None:
    gateway = Gateway()
    broken = (
        '<choose><when condition="true"><set-header id="mine" name="a">'
        '<value>@(1 / (int)context.Variables["zero"])</value></set-header></when></choose>'
    )
    text = policy(f'<set-variable name="zero" value="@(0)" />{broken}{mark("after")}', on_error=mark("handled"))
    visit = await run(text, gateway=gateway)
    error = visit.last_error
    assert error is not None
    assert (error.source, error.reason) == ("set-header", "ExpressionValueEvaluationFailure")
    assert error.message == "Expression evaluation failed. Attempted to divide by zero."
    assert (error.scope, error.section, error.policy_id) == ("api", "inbound", "mine")
    assert error.path == "choose[1]/when[1]/set-header[1]"
    assert "trail" not in visit.request.headers
    assert gateway.forwarded == []
    assert sent_500(visit.response)
    assert visit.response is not None
    assert visit.response.headers.get("trail") == "handled"


async def test_on_error_can_change_the_answer_by_its_status() -> None:
    handler = (
        '<choose><when condition="@(context.Response.StatusCode == 500)"><set-status code="418" '
        'reason="Teapot" /></when></choose>'
    )
    visit = await run(policy(BROKEN, on_error=handler))
    assert visit.response is not None
    assert (visit.response.status_code, visit.response.status_reason) == (418, "Teapot")


async def test_on_error_runs_its_base_chain() -> None:
    operation = f"<policies><inbound>{BROKEN}</inbound><on-error><base />{mark('op')}</on-error></policies>"
    visit = await run(policy(on_error=mark("api")), operation)
    assert visit.response is not None
    assert visit.response.headers.get("trail") == "api,op"


async def test_a_fault_inside_on_error_ends_in_the_plain_500() -> None:
    visit = await run(policy(BROKEN, on_error=mark("a") + BROKEN))
    assert sent_500(visit.response)
    assert visit.response is not None
    assert "trail" not in visit.response.headers


async def test_a_fault_in_outbound_replaces_the_backends_answer() -> None:
    visit = await run(policy(outbound=BROKEN), gateway=Gateway([answer(200, b"secret")]))
    assert sent_500(visit.response)


async def test_an_open_breakers_503_goes_through_on_error_as_it_is() -> None:
    shed = PolicyFault(
        "forward-request", "CircuitBreakerOpen", "open", 503, answered=True, response=answer(503, b"shed")
    )
    visit = await run(policy(on_error=mark("error"), outbound=mark("out")), gateway=Gateway([shed]))
    assert visit.response is not None
    assert (visit.response.status_code, visit.response.body.data) == (503, b"shed")
    assert visit.response.headers.get("trail") == "error"
    assert visit.last_error is not None
    assert visit.last_error.section == "backend"


async def test_no_response_at_all_is_the_plain_500_once_on_error_is_through() -> None:
    handler = '<set-variable name="null" value="@(context.Response == null)" />'
    visit = await run(policy(on_error=handler), gateway=Gateway([unanswered()]))
    assert visit.variables["null"] is True
    assert sent_500(visit.response)


async def test_fail_on_error_status_code_sends_backend_errors_to_on_error() -> None:
    text = policy(backend='<forward-request fail-on-error-status-code="true" />', on_error=mark("error"))
    visit = await run(text, gateway=Gateway([answer(404, b"theirs")]))
    assert visit.response is not None
    assert (visit.response.status_code, visit.response.body.data) == (404, b"theirs")
    assert visit.response.headers.get("trail") == "error"


async def test_a_request_the_gateway_refuses_runs_on_error_only() -> None:
    visit, gateway = context(), Gateway()
    fault = PolicyFault("authorization", "SubscriptionKeyNotFound", "No key.", 401)
    await pipeline(policy(mark("in"), on_error=mark("error"))).reject(visit, gateway, fault)
    assert visit.response is not None
    assert visit.response.status_code == 401
    assert visit.response.body.data == b'{ "statusCode": 401, "message": "No key." }'
    assert visit.response.headers.get("trail") == "error"
    assert "trail" not in visit.request.headers


async def test_limit_concurrency_refuses_the_call_too_many_and_frees_its_places() -> None:
    inside = asyncio.Event()
    release = asyncio.Event()

    class Slow(Gateway):
        async def forward(self, context: PolicyContext, options: object) -> None:
            inside.set()
            await release.wait()
            context.response = answer()

    gateway = Slow()
    text = policy(
        backend='<limit-concurrency key="@(context.Api.Id)" max-count="1"><forward-request /></limit-concurrency>'
    )
    joined = pipeline(text)
    first, second, third = context(), context(), context()
    task = asyncio.create_task(joined.run(first, gateway))
    await inside.wait()
    await joined.run(second, gateway)
    assert second.response is not None
    assert second.response.status_code == 429
    assert "Retry-After" not in second.response.headers
    release.set()
    await task
    await joined.run(third, gateway)
    assert third.response is not None
    assert third.response.status_code == 200


async def test_the_default_global_document_forwards() -> None:
    gateway, visit = Gateway(), context()
    await Pipeline([compile_document(DEFAULT_GLOBAL, scope="global"), None, None]).run(visit, gateway)
    assert len(gateway.forwarded) == 1
