"""The policies that steer a request: return-response, choose, retry, set-backend-service, forward-request [D-POL]."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.local.apim.context import Backend
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
