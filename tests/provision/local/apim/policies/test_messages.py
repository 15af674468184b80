"""Policies that change the message, and those that answer or call by themselves."""

from __future__ import annotations

import json

import pytest

from provision.local.apim.context import PolicyContext, Request, Response
from provision.local.apim.policies import compile_document
from provision.local.apim.services import PolicyFault
from tests.provision.local.apim.policies.harness import Gateway, answer, context, pipeline, policy


async def run(text: str, gateway: Gateway | None = None, on: PolicyContext | None = None) -> PolicyContext:
    visit = context() if on is None else on
    await pipeline(text).run(visit, Gateway() if gateway is None else gateway)
    return visit


def answered(visit: PolicyContext) -> Response:
    assert visit.response is not None
    return visit.response


# set-header


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("override", ["new"]),
        ("skip", ["old"]),
        ("append", ["old,new"]),
        ("delete", []),
    ],
)
async def test_exists_action_decides_what_becomes_of_a_header(action: str, expected: list[str]) -> None:
    text = policy(f'<set-header name="X-A" exists-action="{action}"><value>new</value></set-header>')
    visit = await run(text, on=context(x_a="old"))
    assert visit.request.headers.get_all("x-a") == expected


async def test_several_values_are_joined_by_commas_but_for_headers_that_may_not_be() -> None:
    values = "<value>a</value><value>b</value>"
    text = policy(
        outbound=f'<set-header name="X">{values}</set-header><set-header name="Set-Cookie">{values}</set-header>'
    )
    headers = answered(await run(text)).headers
    assert headers.get_all("X") == ["a,b"]
    assert headers.get_all("Set-Cookie") == ["a", "b"]


async def test_an_empty_value_is_an_empty_header() -> None:
    visit = await run(policy('<set-header name="X"><value /></set-header>'))
    assert visit.request.headers.get_all("X") == [""]


@pytest.mark.parametrize("value", ["a\\r\\nSet-Cookie: b", "a\\n", "\\0"])
async def test_a_header_value_cannot_smuggle_another_header(value: str) -> None:
    visit = await run(policy(outbound=f'<set-header name="X"><value>@("{value}")</value></set-header>'))
    assert answered(visit).status_code == 500
    assert "Set-Cookie" not in answered(visit).headers


async def test_a_computed_header_name_is_held_to_the_same_rules() -> None:
    text = policy('<set-header name="@(&quot;Transfer-Encoding&quot;)"><value>chunked</value></set-header>')
    visit = await run(text)
    assert visit.last_error is not None
    assert visit.last_error.reason == "InvalidHeader"


# query, variables, method, status, body


@pytest.mark.parametrize(
    ("action", "expected"),
    [("override", "a=new&b=2"), ("skip", "a=1&b=2"), ("append", "a=1&a=new&b=2"), ("delete", "b=2")],
)
async def test_query_parameters_follow_exists_action(action: str, expected: str) -> None:
    text = policy(f'<set-query-parameter name="A" exists-action="{action}"><value>new</value></set-query-parameter>')
    assert (await run(text, on=context(query="a=1&b=2"))).request.url.query == expected


async def test_a_new_query_parameter_is_encoded() -> None:
    text = policy('<set-query-parameter name="q"><value>a b&amp;c</value></set-query-parameter>')
    assert (await run(text, on=context(query=""))).request.url.query == "q=a%20b%26c"


async def test_a_literal_variable_is_a_string_and_an_expression_keeps_its_type() -> None:
    text = policy('<set-variable name="s" value="1" /><set-variable name="i" value="@(1)" />')
    variables = (await run(text)).variables
    assert variables == {"s": "1", "i": 1}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("@(context.Request.Headers.GetValueOrDefault('absent', '0'))", "0"),
        ("@('a' + 'bc')", "abc"),
        ("@(\"a\" + 'bc')", "abc"),
        ("@((int)'a')", 97),
        ("@(&quot;a&quot; + &quot;&amp;&quot;)", "a&"),
    ],
)
async def test_strings_in_single_quotes_and_entities_are_taken_where_the_text_is_no_csharp_otherwise(
    expression: str, value: object
) -> None:
    visit = await run(policy(f"<set-header name='x'><value>{expression}</value></set-header>"))
    assert visit.last_error is None
    assert visit.request.headers.get("x") == str(value)


async def test_method_and_status_are_set() -> None:
    visit = await run(policy("<set-method>put</set-method>", outbound='<set-status code="@(200 + 3)" reason="Odd" />'))
    assert visit.request.method == "PUT"
    assert (answered(visit).status_code, answered(visit).status_reason) == (203, "Odd")


async def test_a_status_reason_cannot_break_the_line() -> None:
    visit = await run(policy(outbound='<set-status code="200" reason="@(&quot;a\\r\\nb&quot;)" />'))
    assert answered(visit).status_reason == "a  b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text ", b"plain text "),
        ("@(1 + 1)", b"2"),
        ("@(true)", b"True"),
        ('@{ return "block"; }', b"block"),
        ("@((string)null)", b""),
        ("<soap:Body a='1'>x &amp; y</soap:Body>", b"<soap:Body a='1'>x &amp; y</soap:Body>"),
    ],
)
async def test_set_body_takes_text_expressions_and_markup(text: str, expected: bytes) -> None:
    assert answered(await run(policy(outbound=f"<set-body>{text}</set-body>"))).body.data == expected


async def test_set_body_writes_json_objects_as_json() -> None:
    text = policy("<set-body>@(new JObject(new JProperty(&quot;a&quot;, 1)).ToString())</set-body>")
    assert json.loads((await run(text)).request.body.data or b"") == {"a": 1}


async def test_liquid_fills_in_paths_of_the_body_and_the_context() -> None:
    template = (
        'Hello {{ body.user.names[0] | upcase }}, {{context.Variables["n"]}} by {{context.Request.Method}}{{body.no}}!'
    )
    text = policy(f'<set-variable name="n" value="@(7)" /><set-body template="liquid">{template}</set-body>')
    visit = await run(text, on=context(b'{"user": {"names": ["ann"]}}'))
    assert visit.request.body.data == b"Hello ANN, 7 by POST!"
    assert pipeline(text).reads == {"request.body"}


async def test_find_and_replace_works_on_the_sections_message() -> None:
    text = policy('<find-and-replace from="cat" to="dog" />', outbound='<find-and-replace from="a" to="b" />')
    visit = await run(text, Gateway([answer(200, b"aha")]), context(b"a cat, a cat"))
    assert visit.request.body.data == b"a dog, a dog"
    assert answered(visit).body.data == b"bhb"


# rewrite-uri


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('template="/new"', "http://service/v1/new?api-version=1&x=2"),
        ('template="/new" copy-unmatched-params="false"', "http://service/v1/new"),
        ('template="/{kind}/go?y={kind}"', "http://service/v1/mini/go?y=mini&api-version=1&x=2"),
        ('template="@(&quot;/e/&quot; + context.Api.Id)"', "http://service/v1/e/openai?api-version=1&x=2"),
        ('template="/new?x=3"', "http://service/v1/new?x=3&api-version=1"),
    ],
)
async def test_rewrite_uri_replaces_the_remaining_path(attributes: str, expected: str) -> None:
    visit = context(query="api-version=1&x=2")
    visit.request.matched_parameters["kind"] = "mini"
    await run(policy(f"<rewrite-uri {attributes} />"), on=visit)
    assert str(visit.request.url) == expected
    assert visit.remaining_path == visit.request.url.path.removeprefix("/v1")


async def test_rewrite_uri_in_backend_holds_for_the_attempt_that_follows() -> None:
    visit = context()
    attempt = '<rewrite-uri template="/else" /><forward-request />'
    await run(policy(backend=f'<retry condition="@(false)" count="1" interval="0">{attempt}</retry>'), on=visit)
    assert visit.remaining_path == "/else"


# named values and fragments


async def test_named_values_are_put_into_texts_attributes_and_expressions() -> None:
    text = '<set-variable name="{{n}}" value="@(&quot;{{v}}&quot; + {{i}})" /><set-body>{{v}}&lt;</set-body>'
    document = compile_document(policy(text), format="rawxml", named_values={"n": "x", "v": "a&b", "i": "1"})
    from provision.local.apim.policies import Pipeline

    visit = context()
    await Pipeline([document]).run(visit, Gateway())
    assert visit.variables == {"x": "a&b1"}
    assert visit.request.body.data == b"a&b<"


async def test_a_fragment_stands_in_for_its_policies() -> None:
    from provision.local.apim.policies import Pipeline

    inner = '<fragment>\n<set-variable name="a" value="1" /><include-fragment fragment-id="TWO" /></fragment>'
    two = '<fragment><set-variable name="b" value="@(1 < 2)" /></fragment>'
    fragments = {"one": {"format": "xml", "value": inner}, "two": {"format": "rawxml", "value": two}}
    document = compile_document(policy('<include-fragment fragment-id="one" />'), fragments=fragments)
    visit = context()
    await Pipeline([document]).run(visit, Gateway())
    assert visit.variables == {"a": "1", "b": True}


# calls of a policy's own


async def test_send_request_calls_out_and_keeps_the_answer() -> None:
    gateway = Gateway()
    gateway.send_with = lambda request: answer(200, b'{"a": 5}')
    call = (
        '<send-request mode="new" response-variable-name="r" timeout="5">'
        '<set-url>@("http://other/" + context.Api.Id)</set-url>'
        "<set-method>PATCH</set-method><set-header name='X'><value>1</value></set-header><set-body>hi</set-body>"
        '<authentication-managed-identity resource="https://r" /></send-request>'
        '<set-variable name="a" value="@((int)((IResponse)context.Variables["r"]).Body.As<JObject>()["a"])" />'
    )
    visit = await run(policy(call), gateway)
    assert visit.last_error is None
    (sent,) = gateway.sent
    assert (sent.method, str(sent.url), sent.body.data) == ("PATCH", "http://other/openai", b"hi")
    assert dict(sent.headers) == {"Authorization": "Bearer the-token", "X": "1"}
    assert visit.variables["a"] == 5
    assert visit.request.body.data == b"{}"


async def test_send_request_can_start_from_a_copy() -> None:
    gateway = Gateway()
    copy = (
        '<send-request mode="copy" response-variable-name="r"><set-header name="X"><value>2</value>'
        "</set-header></send-request>"
    )
    visit = await run(policy(copy), gateway, context(b"body", x="1", y="9"))
    (sent,) = gateway.sent
    assert (sent.method, sent.body.data, dict(sent.headers)) == ("POST", b"body", {"y": "9", "X": "2"})
    assert visit.request.headers.get("x") == "1"


@pytest.mark.parametrize(("ignore", "status"), [("true", 200), ("false", 500)])
async def test_send_request_that_fails_leaves_null_or_faults(ignore: str, status: int) -> None:
    gateway = Gateway()

    def fail(request: Request) -> Response:
        raise PolicyFault("send", "BackendConnectionFailure", "refused")

    gateway.send_with = fail
    call = (
        f'<send-request response-variable-name="r" ignore-error="{ignore}"><set-url>http://x/</set-url></send-request>'
    )
    visit = await run(policy(call), gateway)
    assert answered(visit).status_code == status
    assert visit.variables == ({"r": None} if ignore == "true" else {})


async def test_one_way_requests_go_out_without_being_waited_for() -> None:
    gateway = Gateway()
    await run(
        policy("<send-one-way-request><set-url>http://x/</set-url></send-one-way-request><trace source='t' />"), gateway
    )
    import asyncio

    await asyncio.sleep(0)
    assert [str(request.url) for request in gateway.sent] == ["http://x/"]


async def test_wait_runs_its_children_side_by_side() -> None:
    gateway = Gateway()
    sends = "".join(
        f'<send-request response-variable-name="r{n}"><set-url>http://x/{n}</set-url></send-request>' for n in (1, 2)
    )
    visit = await run(policy(f'<wait for="all">{sends}</wait>'), gateway)
    assert set(visit.variables) == {"r1", "r2"}


async def test_mock_response_answers_at_once() -> None:
    gateway = Gateway()
    visit = await run(policy('<mock-response status-code="201" content-type="application/json" />'), gateway)
    assert (answered(visit).status_code, answered(visit).body.data) == (201, b"{}")
    assert gateway.forwarded == []


async def test_basic_authentication_sets_the_header() -> None:
    visit = await run(policy('<authentication-basic username="u" password="p" />'))
    assert visit.request.headers.get("Authorization") == "Basic dTpw"


# value cache and response cache


async def test_cached_values_live_for_their_duration() -> None:
    gateway = Gateway()
    store = policy('<cache-store-value key="k" value="@(42)" duration="10" />')
    look = policy('<cache-lookup-value key="@(&quot;k&quot;)" variable-name="v" default-value="none" />')
    await run(store, gateway)
    gateway.clock += 9.9
    assert (await run(look, gateway)).variables["v"] == 42
    gateway.clock += 0.1
    assert (await run(look, gateway)).variables["v"] == "none"


async def test_a_removed_value_is_gone_and_a_miss_leaves_the_variable_unset() -> None:
    gateway = Gateway()
    both = '<cache-store-value key="k" value="1" duration="10" /><cache-remove-value key="k" />'
    visit = await run(policy(both + '<cache-lookup-value key="k" variable-name="v" />'), gateway)
    assert "v" not in visit.variables


async def test_a_miss_can_be_null_by_option() -> None:
    visit = await run(policy('<cache-lookup-value key="k" variable-name="v" />'), Gateway(cache_miss="null"))
    assert visit.variables == {"v": None}


async def test_a_cached_object_cannot_be_changed_through_the_variable() -> None:
    gateway = Gateway()
    store = (
        '<set-variable name="o" value="@(JObject.Parse(&quot;{}&quot;))" /><cache-store-value key="k" '
        'value="@((JObject)context.Variables[&quot;o&quot;])" duration="9" />'
    )
    change = (
        '<set-variable name="x" value="@{ var o = (JObject)context.Variables[&quot;o&quot;]; '
        'o[&quot;a&quot;] = 1; return 1; }" />'
    )
    look = (
        '<cache-lookup-value key="k" variable-name="found" />'
        '<set-body>@(((JObject)context.Variables["found"]).ToString())</set-body>'
    )
    visit = await run(policy(store + change + look), gateway)
    assert visit.request.body.data == b"{}"


async def test_a_stored_response_answers_the_next_get() -> None:
    gateway = Gateway([answer(200, b"first", x="1"), answer(200, b"second")])
    lookup = '<cache-lookup vary-by-developer="false" vary-by-developer-groups="false" />'
    text = policy(lookup, outbound='<cache-store duration="10" />')
    for _ in range(2):
        visit = await run(text, gateway, context(method="GET"))
        assert (answered(visit).body.data, answered(visit).headers.get("x")) == (b"first", "1")
    gateway.clock += 10
    assert answered(await run(text, gateway, context(method="GET"))).body.data == b"second"
    assert len(gateway.forwarded) == 2


# telemetry


async def test_traces_and_metrics_are_recorded_not_sent() -> None:
    gateway = Gateway()
    text = (
        '<trace source="s" severity="error"><message>@("m" + 1)</message><metadata name="k" value="@(2)" /></trace>'
        '<emit-metric name="n" value="3" namespace="ns">'
        '<dimension name="API ID" /><dimension name="c" value="@(true)" /></emit-metric>'
        '<log-to-eventhub logger-id="l" partition-id="0">@("e")</log-to-eventhub>'
    )
    visit = await run(policy(text), gateway)
    trace = {"source": "s", "severity": "error", "message": "m1", "metadata": {"k": "2"}}
    metric = {"name": "n", "namespace": "ns", "value": 3, "dimensions": {"API ID": "openai", "c": "True"}}
    assert gateway.records == [
        ("trace", trace),
        ("metric", metric),
        ("event", {"logger_id": "l", "partition": "0", "value": "e"}),
    ]
    assert visit.traces == [trace]


USAGE = (
    b'{"usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,'
    b' "prompt_tokens_details": {"audio_tokens": 0}}}'
)


async def test_token_metrics_come_from_the_answers_usage() -> None:
    gateway = Gateway([answer(200, USAGE)])
    metric = (
        '<azure-openai-emit-token-metric namespace="ai"><dimension name="Subscription ID" />'
        "</azure-openai-emit-token-metric>"
    )
    await run(policy(metric), gateway)
    values = {data["name"]: (data["value"], data["dimensions"]) for _, data in gateway.records}
    dimensions = {"Subscription ID": "alice"}
    assert values == {
        "Prompt Tokens": (11, dimensions),
        "Completion Tokens": (7, dimensions),
        "Total Tokens": (18, dimensions),
    }
