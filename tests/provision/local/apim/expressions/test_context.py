"""`context` and its members over a request on its way."""

from __future__ import annotations

import pytest

from provision.local.apim.context import Body, Headers, LastError, Response
from provision.local.apim.expressions import EvaluationError, compile_expression
from tests.provision.local.apim.expressions.harness import context, fails, refused, text, value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("context.Api.Id + context.Api.Name + context.Api.Path", "openaiAzure OpenAIopenai"),
        ("context.Api.ServiceUrl.Host + context.Api.ServiceUrl.Path", "aoai.openai.azure.com/openai"),
        ("context.Operation.Id + context.Operation.Method", "chatPOST"),
        ("context.Subscription.Id + context.Subscription.Name", "sub-1team"),
        ("context.Deployment.Region + context.Deployment.ServiceName", "East USapim"),
        ('context.Product?.Id ?? "none"', "none"),
        ("context.User == null", "True"),
        ("context.LastError == null", "True"),
        ("context.Request.Method + context.Request.IpAddress", "POST10.0.0.1"),
        ("context.Request.Url.Host + context.Request.OriginalUrl.Port", "gw.azure-api.net443"),
        ('context.Request.Url.Query.GetValueOrDefault("api-version", "x")', "2024-02-01"),
        ("context.Request.Url.QueryString", "?api-version=2024-02-01"),
        ("context.Request.Url.Path.Substring(1, 6) + context.Request.OriginalUrl.Scheme", "openaihttps"),
        ('context.Request.MatchedParameters["deployment-id"]', "gpt-4o"),
        ('context.Request.MatchedParameters.ContainsKey("x")', "False"),
        ("context.Request.Foundry.Deployment", "gpt-4o"),
        ('context.Request.Headers.GetValueOrDefault("x-MULTI", "d")', "one,two"),
        ('context.Request.Headers["X-Multi"].Length + context.Request.Headers["x-multi"][1]', "2two"),
        ('context.Request.Headers.GetValueOrDefault("absent") == null', "True"),
        ("context.Request.Headers.Select(h => h.Key).Count()", "2"),
        ("context.Response.StatusCode + context.Response.StatusReason", "429Too Many Requests"),
        ('context.Response.Headers.GetValueOrDefault("retry-after", "0")', "7"),
        ("context.RequestId", "12345678-1234-5678-1234-567812345678"),
        ('context.Timestamp.ToString("o")', "2026-05-04T03:02:01.0000000Z"),
        ("context.Elapsed.TotalMilliseconds > 0", "True"),
    ],
)
def test_members_of_context_read_the_request(expression: str, expected: str) -> None:
    assert text(expression) == expected


def test_variables_give_their_value_their_default_or_their_type() -> None:
    on = context(s="text", n=5, nothing=None)
    assert value('context.Variables.GetValueOrDefault<string>("s")', on) == "text"
    assert value('context.Variables.GetValueOrDefault<int>("n", 1)', on) == 5
    assert value('context.Variables.GetValueOrDefault<int>("absent", 1)', on) == 1
    assert value('context.Variables.GetValueOrDefault<int>("absent")', on) == 0
    assert value('context.Variables.GetValueOrDefault<bool>("absent")', on) is False
    assert value('context.Variables.GetValueOrDefault("absent", "d").Length', on) == 1
    assert value('context.Variables.GetValueOrDefault<string>("nothing", "d")', on) == "d"
    assert value('context.Variables.ContainsKey("nothing") && !context.Variables.ContainsKey("absent")', on) is True


def test_a_variable_of_another_type_throws_or_defaults_as_the_lab_says() -> None:
    code = '@(context.Variables.GetValueOrDefault<int>("s", 3))'
    assert fails(code, context(s="5")) == "InvalidCastException"
    assert compile_expression(code, variable_type_mismatch="default").evaluate(context(s="5")) == 3


def test_a_body_read_without_preserving_it_is_gone() -> None:
    on = context()
    assert text("context.Request.Body.As<string>(preserveContent: true).Length > 0", on) == "True"
    assert text('context.Request.Body.As<JObject>()["model"]', on) == "gpt-4o"
    assert value("context.Request.Body.As<string>()", on) == ""
    assert fails('context.Request.Body.As<JObject>()["model"]', on) == "NullReferenceException"


def test_a_request_without_a_body_has_a_null_body() -> None:
    assert value("context.Request.Body == null", context(body=b"")) is True
    assert value('context.Request.Body?.As<string>(true) ?? "none"', context(body=b"")) == "none"


def test_a_body_that_is_not_json_throws() -> None:
    assert fails("context.Request.Body.As<JObject>(true)", context(body=b"not json")) == "JsonReaderException"
    assert fails("context.Request.Body.As<JObject>(true)", context(body=b"[1]")) != ""


@pytest.mark.parametrize(
    ("expression", "reads"),
    [
        ("@(context.Request.Body.As<string>())", {"request.body"}),
        ("@(context.Response.Body.As<string>())", {"response.body"}),
        ("@{ var r = context.Request; return r.Body.As<string>(); }", {"request.body"}),
        ('@(context.Request.Headers.GetValueOrDefault("Body", ""))', set()),
        ("@(context.Response.StatusCode)", set()),
    ],
)
def test_an_expression_tells_which_bodies_it_reads(expression: str, reads: set[str]) -> None:
    assert compile_expression(expression).reads == reads


def test_a_body_still_arriving_is_not_read() -> None:
    on = context()
    on.request.body = Body(data=None)
    with pytest.raises(EvaluationError, match="still arriving"):
        value("context.Request.Body.As<string>(true)", on)


def test_a_stored_response_is_used_as_one() -> None:
    on = context(answer=Response(200, "OK", Headers([("X", "1")]), Body(b'{"access_token":"t"}')))
    code = '"Bearer " + (string)((IResponse)context.Variables["answer"]).Body.As<JObject>(true)["access_token"]'
    assert text(code, on) == "Bearer t"
    assert value('((IResponse)context.Variables["answer"]).StatusCode == 200', on) is True


def test_a_null_response_is_told_apart() -> None:
    on = context()
    on.response = None
    code = "context.Response != null && context.Response.StatusCode == 429"
    assert value(code, on) is False
    assert fails("context.Response.StatusCode", on) == "NullReferenceException"


def test_the_last_error_is_read_in_on_error() -> None:
    on = context()
    on.last_error = LastError("forward-request", "BackendConnectionFailure", "refused")
    assert text("context.LastError.Source + context.LastError.Reason + context.LastError.Message", on) == (
        "forward-requestBackendConnectionFailurerefused"
    )


def test_trace_is_recorded() -> None:
    on = context()
    assert value('@{ context.Trace("hello"); return 1; }', on) == 1
    assert on.traces[0]["message"] == "hello"


@pytest.mark.parametrize(
    "member", ["Nope", "GetType().Assembly", "Request.Certificate.PrivateKey", "variables", "__class__"]
)
def test_what_context_does_not_have_is_refused(member: str) -> None:
    assert "does not contain a definition" in refused(f"context.{member}")


@pytest.mark.parametrize(
    ("body", "deployment"),
    [(b'{"model": "gpt-5.1"}', "gpt-5.1"), (b'{"model": 5}', None), (b"[]", None), (b"not JSON", None), (b"", None)],
)
def test_without_a_deployment_in_the_path_the_body_names_it(body: bytes, deployment: str | None) -> None:
    visit = context()
    visit.request.matched_parameters.clear()
    visit.request.body = Body(body)
    expression = compile_expression("@(context.Request.Foundry.Deployment)")
    assert expression.reads == {"request.body"}
    assert expression.evaluate(visit) == deployment
