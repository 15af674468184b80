"""Whole expressions of the kinds that public AI gateways run: choosing a backend, counting tokens, reading callers."""

from __future__ import annotations

import orjson

from provision.local.apim.context import Headers
from tests.provision.local.apim.expressions.harness import context, text, value

BACKENDS = """[{"url":"https://a/","priority":1,"busy":true,"until":"2999-01-01T00:00:00Z"},
{"url":"https://b/","priority":2,"busy":true,"until":"2020-01-01T00:00:00Z"},
{"url":"https://c/","priority":2,"busy":false,"until":"2020-01-01T00:00:00Z"}]"""


def tree(source: str) -> object:
    return value(f"JToken.Parse({orjson.dumps(source).decode()})")


def test_a_list_of_backends_is_kept_in_a_variable_and_searched_by_priority() -> None:
    code = """@{
        var all = (JArray)context.Variables["backends"];
        var best = int.MaxValue;
        var found = new List<int>();
        for (var i = 0; i < all.Count; i++) {
            var one = (JObject)all[i];
            if (one.Value<bool>("busy") && DateTime.UtcNow >= one.Value<DateTime>("until")) { one["busy"] = false; }
            if (one.Value<bool>("busy")) { continue; }
            var priority = one.Value<int>("priority");
            if (priority < best) { best = priority; found.Clear(); }
            if (priority == best) { found.Add(i); }
        }
        return found.Count == 0 ? -1 : found[new Random().Next(0, found.Count)];
    }"""
    assert value(code, context(backends=tree(BACKENDS))) in (1, 2)


def test_a_backend_is_marked_busy_until_its_retry_after() -> None:
    code = """@{
        JArray all = (JArray)context.Variables["backends"];
        int wait = Convert.ToInt32(context.Response.Headers.GetValueOrDefault("Retry-After", "-1"));
        if (wait == -1) { wait = 10; }
        all[2]["busy"] = true;
        all[2]["until"] = DateTime.UtcNow.AddSeconds(wait);
        return (DateTime)all[2]["until"] > DateTime.UtcNow.AddSeconds(6);
    }"""
    on = context(backends=tree(BACKENDS))
    assert value(code, on) is True
    assert text('((JArray)context.Variables["backends"]).Count(b => (bool)b["busy"])', on) == "3"


def test_throttling_is_told_by_status_and_reason() -> None:
    code = (
        "context.Response != null && (context.Response.StatusCode == 429 || context.Response.StatusCode >= 500) "
        '&& !context.Response.StatusReason.Contains("Backend pool")'
    )
    assert value(code) is True


def test_a_request_is_summed_up_as_json() -> None:
    code = """@{
        var body = context.Request.Body.As<JObject>(preserveContent: true);
        var messages = body["messages"] as JArray;
        var roles = messages?.Select(m => m["role"]?.ToString()).Distinct().ToList();
        return new JObject(
            new JProperty("deployment", context.Request.MatchedParameters["deployment-id"]),
            new JProperty("roles", new JArray(roles)),
            new JProperty("characters", messages.Sum(m => ((string)m["content"]).Length)),
            new JProperty("stream", body["stream"]?.Value<bool>() ?? false),
            new JProperty("user", (string)body["user"] ?? "unknown"),
            new JProperty("caller", context.Subscription?.Id ?? "anonymous")
        ).ToString(Newtonsoft.Json.Formatting.None);
    }"""
    assert orjson.loads(text(code)) == {
        "deployment": "gpt-4o",
        "roles": ["system", "user"],
        "characters": 11,
        "stream": True,
        "user": "unknown",
        "caller": "sub-1",
    }


def test_usage_is_asked_for_in_a_streamed_request() -> None:
    code = """@{
        var body = context.Request.Body.As<JObject>(true);
        if (body["stream_options"] == null) { body["stream_options"] = new JObject(); }
        ((JObject)body["stream_options"])["include_usage"] = true;
        return body.ToString();
    }"""
    assert orjson.loads(text(code))["stream_options"] == {"include_usage": True}


def test_tokens_are_read_from_server_sent_events() -> None:
    events = 'data: {"choices":[]}\n\ndata: {"usage":{"total_tokens":42}}\n\ndata: [DONE]\n\n'
    code = """@{
        var lines = ((string)context.Variables["events"]).Split('\\n');
        foreach (var line in lines.Where(l => l.StartsWith("data: {")).Reverse()) {
            var usage = JObject.Parse(line.Substring(6))["usage"];
            if (usage != null && usage.Type == JTokenType.Object) { return (int)usage["total_tokens"]; }
        }
        return 0;
    }"""
    assert value(code, context(events=events)) == 42


def test_headers_are_listed_without_secrets() -> None:
    code = """@{
        var secret = new[] { "authorization", "api-key" };
        var shown = context.Request.Headers
            .Where(h => !secret.Contains(h.Key.ToLowerInvariant()))
            .OrderBy(h => h.Key)
            .Select(h => $"{h.Key}={string.Join("|", h.Value)}");
        return string.Join("; ", shown);
    }"""
    on = context()
    on.request.headers = Headers([("B", "2"), ("api-key", "k"), ("A", "1"), ("b", "3")])
    assert text(code, on) == "A=1; B=2|3"


def test_a_signature_is_made_of_parts_of_the_request() -> None:
    code = """@{
        var text = context.Request.Method.ToLowerInvariant() + "\\n" + context.Request.Url.Path + "\\n";
        using (var hash = new HMACSHA256(Convert.FromBase64String("aw=="))) {
            return Uri.EscapeDataString(Convert.ToBase64String(hash.ComputeHash(Encoding.UTF8.GetBytes(text))));
        }
    }"""
    assert len(text(code)) > 40


def test_a_caller_is_spread_over_backends_by_a_hash() -> None:
    code = """@{
        var key = context.Request.Headers.GetValueOrDefault("api-key", "");
        var hash = SHA256.Create().ComputeHash(Encoding.UTF8.GetBytes(key));
        return "backend-" + (BitConverter.ToUInt32(hash, 0) % 3);
    }"""
    assert text(code) in {"backend-0", "backend-1", "backend-2"}
    assert text(code) == text(code)


def test_a_number_that_may_be_missing_is_compared_safely() -> None:
    code = """@{
        string left;
        int tokens;
        if (!context.Variables.ContainsKey("left")) { return "unset"; }
        left = context.Variables["left"].ToString();
        return int.TryParse(left, out tokens) && tokens < 100 ? "low" : "enough";
    }"""
    assert [text(code, context(**left)) for left in ({}, {"left": "50"}, {"left": 500}, {"left": "x"})] == [
        "unset",
        "low",
        "enough",
        "enough",
    ]
