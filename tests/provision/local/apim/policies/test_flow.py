"""Sections, scopes, faults and on-error, and the policies that steer [D-POL] [D-ERR]."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.local.apim.context import Backend, PolicyContext, Response
from provision.local.apim.policies import DEFAULT_GLOBAL, Pipeline, compile_document
from provision.local.apim.services import PolicyFault
from tests.provision.local.apim.policies.harness import Gateway, answer, context, pipeline, policy, unanswered


def mark(name: str) -> str:
    """A policy that adds its name to the header `trail`, of the request or the response."""
    return f'<set-header name="trail" exists-action="append"><value>{name}</value></set-header>'


def sent_500(response: Response | None) -> bool:
    assert response is not None
    assert response.headers.get("Content-Type") == "application/json"
    expected = '{ "statusCode": 500, "message": "Internal server error", "activityId": '
    expected += '"00000000-0000-0000-0000-000000000007" }'
    return response.status_code == 500 and response.body.data == expected.encode()


async def run(*documents: str, gateway: Gateway | None = None, on: PolicyContext | None = None) -> PolicyContext:
    visit = context() if on is None else on
    await pipeline(*documents).run(visit, Gateway() if gateway is None else gateway)
    return visit


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

BROKEN = '<set-variable name="x" value="@((string)context.Variables[&quot;absent&quot;])" />'


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


# return-response


@pytest.mark.parametrize("section", ["inbound", "outbound", "on_error"])
async def test_return_response_ends_everything_from_any_section(section: str) -> None:
    final = (
        '<return-response><set-status code="202" reason="Fine" /><set-header name="h"><value>v</value>'
        "</set-header><set-body>done</set-body></return-response>"
    )
    before = BROKEN if section == "on_error" else ""
    text = policy(**{"inbound": before} | {section: final + mark("never")})
    visit = await run(text)
    assert visit.response is not None
    assert (visit.response.status_code, visit.response.status_reason) == (202, "Fine")
    assert visit.response.body.data == b"done"
    assert list(visit.response.headers) == [("h", "v")]


async def test_return_response_within_retry_makes_no_further_attempt() -> None:
    gateway = Gateway([answer(429)])
    inner = "<forward-request /><return-response />"
    visit = await run(
        policy(backend=f'<retry condition="true" count="5" interval="0">{inner}</retry>'), gateway=gateway
    )
    assert len(gateway.forwarded) == 1
    assert visit.response is not None
    assert visit.response.status_code == 200


async def test_return_response_starts_from_a_stored_response() -> None:
    gateway = Gateway()
    gateway.send_with = lambda request: answer(201, b"stored", x="1")
    send = '<send-request response-variable-name="r"><set-url>http://other/</set-url></send-request>'
    back = (
        '<return-response response-variable-name="r"><set-header name="y"><value>2</value></set-header>'
        "</return-response>"
    )
    visit = await run(policy(send + back), gateway=gateway)
    assert visit.response is not None
    assert (visit.response.status_code, visit.response.body.data) == (201, b"stored")
    assert sorted(visit.response.headers) == [("x", "1"), ("y", "2")]


# choose


@pytest.mark.parametrize(("value", "took"), [(1, "one"), (2, "two"), (3, "other")])
async def test_choose_takes_the_first_condition_that_holds(value: int, took: str) -> None:
    whens = "".join(
        f'<when condition="@((int)context.Variables[&quot;n&quot;] &lt;= {n})">'
        f'<set-variable name="took" value="{name}" /></when>'
        for n, name in ((1, "one"), (2, "two"))
    )
    other = '<otherwise><set-variable name="took" value="other" /></otherwise>'
    visit = await run(policy(f'<set-variable name="n" value="@({value})" /><choose>{whens}{other}</choose>'))
    assert visit.variables["took"] == took


# retry

THROTTLED = "@(context.Response.StatusCode == 429)"


def retry(attributes: str, inner: str = '<forward-request buffer-request-body="true" />', when: str = THROTTLED) -> str:
    return policy(backend=f'<retry condition="{when}" {attributes}>{inner}</retry>')


async def test_retry_stops_when_its_condition_no_longer_holds() -> None:
    gateway = Gateway([answer(429), answer(429), answer(200)])
    visit = await run(retry('count="5" interval="0"'), gateway=gateway)
    assert len(gateway.forwarded) == 3
    assert visit.response is not None
    assert visit.response.status_code == 200


async def test_retry_makes_count_attempts_beyond_the_first() -> None:
    gateway = Gateway([answer(429)])
    await run(retry('count="3" interval="0"'), gateway=gateway)
    assert len(gateway.forwarded) == 4


@pytest.mark.parametrize(
    ("attributes", "waits"),
    [
        ('interval="2"', [2, 2, 2]),
        ('interval="2" first-fast-retry="true"', [2, 2]),
        ('interval="2" delta="3"', [2, 5, 8]),
        ('interval="0" first-fast-retry="true"', []),
    ],
)
async def test_retry_waits_fixed_or_linear_intervals(attributes: str, waits: list[float]) -> None:
    gateway = Gateway([answer(429)])
    await run(retry(f'count="3" {attributes}'), gateway=gateway)
    assert gateway.slept == waits


async def test_retry_waits_exponentially_up_to_max_interval() -> None:
    gateway = Gateway([answer(429)])
    await run(retry('count="8" interval="1" delta="1" max-interval="20"'), gateway=gateway)
    for index, wait in enumerate(gateway.slept):
        assert min(20, 1 + 2**index * 0.8) <= wait <= min(20, 1 + 2**index * 1.2)
    assert gateway.slept[-1] == 20


async def test_retry_holds_a_fault_back_while_its_condition_asks_for_more() -> None:
    gateway = Gateway([unanswered(), answer(200)])
    visit = await run(retry('count="1" interval="0"', when="@(context.Response == null)"), gateway=gateway)
    assert visit.last_error is None
    assert visit.response is not None
    assert visit.response.status_code == 200


async def test_retry_raises_the_fault_of_its_last_attempt() -> None:
    gateway = Gateway([unanswered(), unanswered("Timeout")])
    visit = await run(retry('count="1" interval="0"', when="@(context.Response == null)"), gateway=gateway)
    assert visit.last_error is not None
    assert (visit.last_error.reason, visit.last_error.section) == ("Timeout", "backend")


async def test_a_shed_within_retry_is_seen_by_its_condition() -> None:
    shed = PolicyFault("forward-request", "CircuitBreakerOpen", "open", 503, answered=True, response=answer(503))
    gateway = Gateway([shed, answer(200)])
    visit = await run(retry('count="1" interval="0"', when="@(context.Response.StatusCode == 503)"), gateway=gateway)
    assert visit.response is not None
    assert visit.response.status_code == 200


@pytest.mark.parametrize(
    ("value", "cast"), [("@(1)", "int.Parse((string){})"), ("1", "((Int32){})")], ids=["number", "text"]
)
async def test_a_wrong_cast_in_a_retry_condition_fails_at_the_first_failure(value: str, cast: str) -> None:
    # Azure's own trace of both: Azure-Samples/openai-apim-lb, issues 25 and 27.
    left = cast.format('context.Variables["left"]')
    text = policy(
        backend=f'<retry condition="@(context.Response.StatusCode == 429 && {left} > 0)" count="3" interval="0">'
        f'<forward-request /><set-variable name="left" value="{value}" /></retry>'
    )
    fine, failed = [await run(text, gateway=Gateway([answer(status)])) for status in (200, 429)]
    assert fine.last_error is None
    error = failed.last_error
    assert error is not None
    assert (error.source, error.reason, error.section) == ("retry", "ExpressionValueEvaluationFailure", "backend")
    assert error.message.startswith("Expression evaluation failed. ")
    assert "cast" in error.message


def plain_loop(came: list[int | None], count: int) -> tuple[int, int | None]:
    """How often a retry of `count` calls, and what it ends with; the last answer goes on for ever."""
    for attempt in range(count + 1):
        status = came[min(attempt, len(came) - 1)]
        if status == 200:
            break
    return attempt + 1, status


@given(st.lists(st.sampled_from([200, 429, None]), min_size=1, max_size=8), st.integers(1, 6))
def test_retry_attempts_as_often_as_a_plain_loop_would(came: list[int | None], count: int) -> None:
    gateway = Gateway([unanswered() if status is None else answer(status) for status in came])
    again = "@(context.Response == null || context.Response.StatusCode == 429)"
    visit = asyncio.run(run(retry(f'count="{count}" interval="0"', when=again), gateway=gateway))
    attempts, last = plain_loop(came, count)
    assert len(gateway.forwarded) == attempts
    assert visit.response is not None
    assert visit.response.status_code == (500 if last is None else last)


# set-backend-service and forward-request


async def test_backend_id_names_the_backend_for_forwarding() -> None:
    visit = await run(policy('<set-backend-service backend-id="@(&quot;pool-&quot; + context.Api.Id)" />'))
    assert visit.backend == Backend("pool-openai")


async def test_base_url_keeps_the_remaining_path_and_the_query() -> None:
    visit = await run(policy('<set-backend-service base-url="https://other:8443/base/" />'))
    assert str(visit.request.url) == "https://other:8443/base/chat/completions?api-version=1"


async def test_a_broader_scopes_backend_id_is_overridden_by_a_backend_id_only() -> None:
    api = policy('<set-backend-service backend-id="a" />')
    by_url = await run(api, policy('<set-backend-service base-url="http://x" />'))
    by_id = await run(api, policy('<set-backend-service backend-id="b" />'))
    assert by_url.backend == Backend("a")
    assert by_id.backend == Backend("b")


async def test_a_base_url_that_is_none_is_a_fault() -> None:
    visit = await run(policy('<set-backend-service base-url="@(&quot;file:///etc/passwd&quot;)" />'))
    assert visit.last_error is not None
    assert visit.last_error.reason == "InvalidUrl"


async def test_forward_request_hands_its_attributes_to_the_gateway() -> None:
    gateway = Gateway()
    attributes = 'timeout="@(1 + 1)" follow-redirects="true" buffer-request-body="true" buffer-response="false"'
    await run(policy(backend=f'<forward-request {attributes} http-version="2or1" />'), gateway=gateway)
    (options,) = gateway.forwarded
    assert (options.timeout_s, options.follow_redirects) == (2, True)
    assert (options.buffer_request_body, options.read_response_body) == (True, False)


@pytest.mark.parametrize(("attributes", "seconds"), [("", 300), ('timeout="0"', 0), ('timeout-ms="1500"', 1.5)])
async def test_the_timeout_is_300_s_unless_said_otherwise(attributes: str, seconds: float) -> None:
    gateway = Gateway()
    await run(policy(backend=f"<forward-request {attributes} />"), gateway=gateway)
    assert gateway.forwarded[0].timeout_s == seconds


async def test_the_response_body_is_read_whole_only_when_a_policy_looks_into_it() -> None:
    gateway = Gateway()
    looks = '<set-variable name="b" value="@(context.Response.Body.As&lt;string&gt;(preserveContent: true))" />'
    reading = pipeline(policy(outbound=looks))
    assert reading.reads == {"response.body"}
    await reading.run(context(), gateway)
    assert gateway.forwarded[0].read_response_body is True
    assert pipeline(policy()).reads == frozenset()


# limit-concurrency


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


# identity


async def test_managed_identity_sets_the_header_and_the_variable() -> None:
    gateway = Gateway()
    attributes = 'resource="https://r" client-id="c" output-token-variable-name="t"'
    visit = await run(policy(f"<authentication-managed-identity {attributes} />"), gateway=gateway)
    assert visit.request.headers.get("Authorization") == "Bearer the-token"
    assert visit.variables["t"] == "the-token"
    assert gateway.tokens == [("https://r", "c")]


async def test_a_token_had_in_outbound_is_for_the_policies_that_follow() -> None:
    fetch = '<authentication-managed-identity resource="r" output-token-variable-name="t" />'
    copy = '<set-header name="X"><value>@((string)context.Variables["t"])</value></set-header>'
    visit = await run(policy(outbound=fetch + copy))
    assert visit.response is not None
    assert visit.response.headers.get("X") == "the-token"
    assert visit.response.headers.get("Authorization") is None


async def test_a_resource_may_be_read_from_the_body() -> None:
    body = "@(context.Request.Body.As&lt;string&gt;(true))"
    identity = f'<authentication-managed-identity resource="{body}" />'
    url = "<set-url>http://x/</set-url>"
    for text in (identity, f'<send-request response-variable-name="r">{url}{identity}</send-request>'):
        assert "request.body" in Pipeline([compile_document(policy(text))]).reads


@pytest.mark.parametrize(("ignore", "status"), [("false", 500), ("true", 200)])
async def test_a_token_that_cannot_be_had_is_a_fault_unless_ignored(ignore: str, status: int) -> None:
    gateway = Gateway()
    gateway.token_fault = PolicyFault("", "TokenUnavailable", "no identity")
    visit = await run(
        policy(f'<authentication-managed-identity resource="r" ignore-error="{ignore}" />'), gateway=gateway
    )
    assert visit.response is not None
    assert visit.response.status_code == status
    assert "Authorization" not in visit.request.headers
