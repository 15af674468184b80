"""What the mock answers, on a clock of the test's own."""

from __future__ import annotations

import math
from typing import Any

import pytest

from provision.local.mock.snapshot import Snapshot
from provision.local.wire.messages import Disconnect
from tests.provision.local.mock.conftest import ACCOUNT, CHAT, HELLO, KEY, SITE, Bench, account, site

SEED_SIMULATION = {
    "default": {"response_status_code": 200, "wait_time_ms": 0},
    "openaimock1.azurewebsites.net": {"response_status_code": 429},
}


async def test_a_chat_answer_has_azures_fields_in_azures_order(bench: Bench) -> None:
    status, headers, body = await bench.ask()
    assert status == 200
    assert list(body) == [
        "choices",
        "created",
        "id",
        "model",
        "object",
        "prompt_filter_results",
        "system_fingerprint",
        "usage",
    ]
    assert list(body["choices"][0]) == ["content_filter_results", "finish_reason", "index", "logprobs", "message"]
    assert list(body["choices"][0]["message"]) == ["annotations", "content", "refusal", "role"]
    assert body["object"] == "chat.completion"
    assert body["created"] == 1_700_001_000
    assert headers["x-ms-region"] == "East US"
    assert headers["apim-request-id"]


async def test_an_account_answers_with_its_dated_model_and_its_quota(bench: Bench) -> None:
    status, headers, body = await bench.ask(host=ACCOUNT, api_key=KEY)
    assert (status, body["model"]) == (200, "gpt-4o-2024-08-06")
    assert headers["x-ratelimit-limit-tokens"] == "10000"
    assert headers["x-ratelimit-limit-requests"] == "60"
    assert headers["x-ratelimit-remaining-requests"] == "59"
    assert headers["x-ms-deployment-name"] == "gpt-4o"
    assert headers["x-ms-region"] == "Sweden Central"


@pytest.mark.parametrize("host", ["AV4-OpenAI1.openai.azure.com:443", "av4-openai1.cognitiveservices.azure.com"])
async def test_both_domains_and_any_spelling_reach_the_account(bench: Bench, host: str) -> None:
    assert (await bench.ask(host=host, api_key=KEY))[0] == 200


async def test_an_account_that_does_not_exist_is_a_404_that_says_so(bench: Bench) -> None:
    status, _, body = await bench.ask(host="nobody.openai.azure.com", api_key=KEY)
    assert (status, body["error"]["code"]) == (404, "404")
    assert "nobody.openai.azure.com" in body["error"]["message"]


async def test_a_sole_web_app_answers_to_every_host_name_under_its_own() -> None:
    bench = Bench({"sites": [site(limits={"rpm": 6})], "sole": True})
    fault = {SITE: {"response_status_code": 503}}
    for host in ("127.0.0.1:8001", "nobody.openai.azure.com", SITE):
        assert (await bench.ask(host=host, simulation=fault))[0] == 503
    assert (await bench.ask(host="127.0.0.1:8001"))[0] == 200
    assert (await bench.ask(host="localhost"))[0] == 429, "one quota for all host names"


async def test_a_web_app_nobody_created_answers_without_limits(bench: Bench) -> None:
    status, headers, _ = await bench.ask(host="whatever.azurewebsites.net")
    assert status == 200
    assert not any(name.startswith("x-ratelimit") for name in headers)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (CHAT.replace("gpt-4o", "none"), "DeploymentNotFound"),
        (CHAT.partition("?")[0], "404"),
        (CHAT.replace("chat/completions", "chat/complete"), "404"),
        ("/", "404"),
        (CHAT.removeprefix("/openai"), "404"),
    ],
)
async def test_an_operation_that_an_account_lacks_is_a_404(bench: Bench, path: str, code: str) -> None:
    status, _, body = await bench.ask(host=ACCOUNT, api_key=KEY, path=path)
    assert (status, body["error"]["code"]) == (404, code)


async def test_get_is_refused(bench: Bench) -> None:
    assert (await bench.ask(host=ACCOUNT, api_key=KEY, method="GET"))[0] == 404


async def test_a_web_app_answers_a_health_check(bench: Bench) -> None:
    status, _, body = await bench.ask(method="GET", path="/")
    assert (status, body) == (200, {"status": "running"})
    assert (await bench.ask(method="GET", path="/robots933456.txt"))[0] == 404


async def test_v1_takes_the_deployment_from_the_body(bench: Bench) -> None:
    path = "/openai/v1/chat/completions"
    status, _, body = await bench.ask({**HELLO, "model": "gpt-4o"}, host=ACCOUNT, path=path, api_key=KEY)
    assert (status, body["model"]) == (200, "gpt-4o-2024-08-06")
    status, _, body = await bench.ask({**HELLO, "model": "none"}, host=ACCOUNT, path=path, api_key=KEY)
    assert (status, body["error"]["code"]) == (404, "DeploymentNotFound")
    status, _, body = await bench.ask(HELLO, host=ACCOUNT, path=path, api_key=KEY)
    assert (status, body["error"]["param"]) == (400, "model")


async def test_a_chat_on_an_embedding_model_is_not_supported(bench: Bench) -> None:
    status, _, body = await bench.ask(host=ACCOUNT, api_key=KEY, path=CHAT.replace("gpt-4o", "ada"))
    assert (status, body["error"]["code"]) == (400, "OperationNotSupported")


async def test_an_old_model_has_a_short_context(bench: Bench) -> None:
    status, _, body = await bench.ask(
        {**HELLO, "max_tokens": 5000}, host=ACCOUNT, api_key=KEY, path=CHAT.replace("gpt-4o", "old")
    )
    assert (status, body["error"]["code"]) == (400, "context_length_exceeded")


# simulation


async def test_the_seeds_simulation_in_the_body_is_by_host(bench: Bench) -> None:
    body = {"messages": [{"role": "system", "content": {"simulation": SEED_SIMULATION}}]}
    assert (await bench.ask(body))[0] == 429
    assert (await bench.ask(body, host="other.azurewebsites.net"))[0] == 200


async def test_the_header_wins_over_the_body(bench: Bench) -> None:
    body = {"messages": [{"role": "system", "content": {"simulation": SEED_SIMULATION}}]}
    assert (await bench.ask(body, simulation={"default": {"response_status_code": 200}}))[0] == 200


async def test_a_simulation_that_does_not_name_this_host_changes_nothing(bench: Bench) -> None:
    assert (await bench.ask(simulation={"other.azurewebsites.net": {"response_status_code": 500}}))[0] == 200


@pytest.mark.parametrize(
    ("simulation", "said"),
    [
        ("{", "x-simulation"),
        ('{"default": 7}', "default"),
        ({"default": {"response_status_code": "many"}}, "response_status_code"),
        ({"default": {"response_status_code": 99}}, "response_status_code"),
        ({"default": {"unknown": 1}}, "unknown"),
        ({"default": {"drop": "after"}}, "drop"),
        ("\u00ff\u00fe", "x-simulation"),
    ],
)
async def test_a_malformed_simulation_is_a_400_that_says_what_is_wrong(
    bench: Bench, simulation: object, said: str
) -> None:
    status, _, body = await bench.ask(simulation=simulation)
    assert (status, body["error"]["code"]) == (400, "invalid_simulation")
    assert said in body["error"]["message"]
    if isinstance(simulation, dict):
        content = {"messages": [{"role": "user", "content": {"simulation": simulation}}]}
        status, _, body = await bench.ask(content)
        assert (status, body["error"]["code"]) == (400, "invalid_simulation")


@pytest.mark.parametrize("status", [201, 400, 401, 403, 404, 408, 418, 429, 451, 499, 500, 502, 503, 504, 529, 599])
async def test_any_status_can_be_simulated_with_a_retry_after(bench: Bench, status: int) -> None:
    answered, headers, body = await bench.ask(
        simulation={"default": {"response_status_code": status, "retry_after_s": 7}}
    )
    assert answered == status
    assert ("error" in body) == (status >= 400)
    assert (headers.get("retry-after") == "7") == (status >= 400)


async def test_a_simulated_400_is_the_content_filters(bench: Bench) -> None:
    _, _, body = await bench.ask(simulation={"default": {"response_status_code": 400}})
    assert body["error"]["code"] == "content_filter"
    assert body["error"]["innererror"]["code"] == "ResponsibleAIPolicyViolation"


async def test_a_simulated_redirect_has_no_body(bench: Bench) -> None:
    assert (await bench.ask(simulation={"default": {"response_status_code": 302}}))[2] == b""


@pytest.mark.parametrize("status", [200, 429, 500])
async def test_the_simulated_wait_is_the_whole_wait(status: int) -> None:
    bench = Bench({"sites": [site(latency={"median_ms": 900, "p95_ms": 900, "per_token_ms": 50})]})
    await bench.ask(simulation={"default": {"response_status_code": status, "wait_time_ms": 250}})
    assert bench.clock.slept == [0.25]


async def test_simulated_tokens_and_chunks_shape_the_stream(bench: Bench) -> None:
    behaviour = {"completion_tokens": 4, "chunk_ms": 100}
    status, headers, body = await bench.ask({**HELLO, "stream": True}, simulation={"default": behaviour})
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert body.count(b'"delta":{"content":') == 5  # the role frame has an empty content
    assert bench.clock.now == pytest.approx(1000.3)
    assert body.endswith(b"data: [DONE]\n\n")


async def test_drop_before_cuts_without_an_answer_after_the_wait(bench: Bench) -> None:
    with pytest.raises(Disconnect):
        await bench.ask(simulation={"default": {"drop": "before", "wait_time_ms": 100}})
    assert bench.clock.slept == [0.1]
    assert bench.mock.counts()["by_status"] == {"0": 1}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", [200, 500])
async def test_drop_during_cuts_after_the_head(bench: Bench, stream: bool, status: int) -> None:
    with pytest.raises(Disconnect):
        await bench.ask(
            {**HELLO, "stream": stream},
            simulation={"default": {"response_status_code": status, "drop": "during"}},
        )
    assert bench.mock.counts()["by_status"] == {str(status): 1}


# quota and latency


async def test_a_web_app_has_its_own_quota_which_simulated_answers_do_not_touch() -> None:
    bench = Bench({"sites": [site(limits={"rpm": 6})]})
    assert (await bench.ask(simulation={"default": {"response_status_code": 200}}))[0] == 200
    assert (await bench.ask())[0] == 200
    status, headers, body = await bench.ask()
    assert (status, headers["retry-after"]) == (429, "10")
    assert "call rate limit" in body["error"]["message"]
    bench.clock.now += 10
    assert (await bench.ask())[0] == 200


async def test_tokens_are_taken_as_prompt_and_max_tokens() -> None:
    bench = Bench({"sites": [site(limits={"tpm": 1000})]})
    body = {**HELLO, "max_tokens": 400, "n": 2}  # 9 of the prompt and 800
    assert (await bench.ask(body))[1]["x-ratelimit-remaining-tokens"] == "191"
    status, headers, answer = await bench.ask(body)
    assert (status, headers["retry-after"]) == (429, "60")
    assert "token rate limit" in answer["error"]["message"]


async def test_a_provisioned_deployment_shows_its_utilisation_and_then_refuses(bench: Bench) -> None:
    path = CHAT.replace("gpt-4o", "ptu")
    body = {**HELLO, "max_tokens": 400}  # of a bucket of 2,500 / 6
    _, headers, _ = await bench.ask(body, host=ACCOUNT, api_key=KEY, path=path)
    assert headers["azure-openai-deployment-utilization"] == "98.2%"
    assert (await bench.ask(body, host=ACCOUNT, api_key=KEY, path=path))[0] == 200
    status, headers, _ = await bench.ask(body, host=ACCOUNT, api_key=KEY, path=path)
    assert status == 429
    assert int(headers["retry-after-ms"]) > 1000
    assert not any(name.startswith("x-ratelimit") for name in headers)


async def test_a_new_configuration_keeps_the_windows_of_unchanged_limits() -> None:
    bench = Bench({"sites": [site(limits={"rpm": 6})]})
    assert (await bench.ask())[0] == 200
    bench.mock.configure(Snapshot.model_validate({"sites": [site(limits={"rpm": 6})], "accounts": [account()]}))
    assert (await bench.ask())[0] == 429
    bench.mock.configure(Snapshot.model_validate({"sites": [site(limits={"rpm": 60})]}))
    assert (await bench.ask())[0] == 200


async def test_latency_waits_before_the_answer_and_per_token() -> None:
    bench = Bench({"sites": [site(latency={"median_ms": 100, "p95_ms": 100, "per_token_ms": 10})]})
    await bench.ask({**HELLO, "max_tokens": 5})
    assert bench.clock.slept == [pytest.approx(0.15)]


async def test_a_streamed_answer_waits_for_the_first_token_only() -> None:
    bench = Bench({"sites": [site(latency={"median_ms": 100, "p95_ms": 100, "per_token_ms": 10})]})
    await bench.ask({**HELLO, "max_tokens": 5, "stream": True})
    assert bench.clock.slept[0] == pytest.approx(0.1)
    assert bench.clock.now == pytest.approx(1000.14)


async def test_a_refusal_costs_no_model_time() -> None:
    bench = Bench({"sites": [site(latency={"median_ms": 100, "p95_ms": 200})]})
    await bench.ask(simulation={"default": {"response_status_code": 429}})
    assert bench.clock.slept == []


async def _trace(seed: int, host: str = SITE) -> list[Any]:
    setting = site(latency={"median_ms": 100, "p95_ms": 300})
    bench = Bench({"sites": [setting], "options": {"seed": seed}})
    ids = [(await bench.ask(host=host))[2]["id"] for _ in range(20)]
    return [*ids, *bench.clock.slept]


async def test_the_same_seed_gives_the_same_answers_and_another_seed_others() -> None:
    first = await _trace(7)
    assert first == await _trace(7)
    assert first != await _trace(8)
    assert first[:20] != (await _trace(7, "other.azurewebsites.net"))[:20]


async def test_latencies_have_the_median_and_the_95th_percentile_asked_for() -> None:
    bench = Bench({"sites": [site(latency={"median_ms": 100, "p95_ms": 300})]})
    for _ in range(4000):
        await bench.ask()
    slept = sorted(bench.clock.slept)
    assert slept[2000] == pytest.approx(0.1, rel=0.06)
    assert slept[3800] == pytest.approx(0.3, rel=0.1)
    assert math.isfinite(slept[-1])


@pytest.mark.parametrize("limits", ["{", '{"rpm": 0}', '{"rps": 1}', "[]"])
async def test_a_web_app_with_broken_settings_says_which(limits: str) -> None:
    setting = {"name": "openaimock1", "location": "eastus", "settings": {"TRIPCURVE_MOCK_LIMITS": limits}}
    status, _, body = await Bench({"sites": [setting]}).ask()
    assert status == 503
    assert "TRIPCURVE_MOCK_LIMITS" in body["error"]["message"]


async def test_invented_host_names_do_not_fill_memory(bench: Bench) -> None:
    for index in range(1200):
        await bench.ask(host=f"host{index}.azurewebsites.net", path=CHAT.replace("gpt-4o", f"d{index}"))
        await bench.ask(path=CHAT.replace("gpt-4o", f"d{index}"))
    await bench.ask(host="x" * 5000)
    hosts = bench.mock._hosts
    assert len(hosts) <= 1003
    assert all(len(name) < 256 for name in hosts)
    assert len(hosts[SITE]._served) <= 1000  # type: ignore[attr-defined]  # a SiteHost


async def test_other_options_start_the_random_numbers_anew(bench: Bench) -> None:
    configured = {"sites": [site()], "options": {"seed": 5}}
    await bench.ask()
    await bench.ask(host="other.azurewebsites.net")
    bench.mock.configure(Snapshot.model_validate(configured))
    fresh = Bench(configured)
    for host in (SITE, "other.azurewebsites.net"):
        assert (await bench.ask(host=host))[2]["id"] == (await fresh.ask(host=host))[2]["id"]


async def test_a_deleted_account_is_gone_and_a_deleted_web_app_is_as_if_nobody_had_made_it(bench: Bench) -> None:
    assert (await bench.ask(host=ACCOUNT, api_key=KEY))[0] == 200
    bench.mock.configure(Snapshot())
    assert (await bench.ask(host=ACCOUNT, api_key=KEY))[0] == 404
    assert (await bench.ask())[0] == 200


async def test_the_client_request_id_comes_back(bench: Bench) -> None:
    _, headers, _ = await bench.ask(x_ms_client_request_id="abc")
    assert headers["x-ms-client-request-id"] == "abc"


async def test_every_request_is_counted_by_status_and_host(bench: Bench) -> None:
    await bench.ask()
    await bench.ask(b"{")
    await bench.ask(host="nobody.openai.azure.com")
    assert bench.mock.counts() == {
        "requests": 3,
        "by_status": {"200": 1, "400": 1, "404": 1},
        "by_host": {SITE: 2},
    }
