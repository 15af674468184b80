"""Rates, quotas and token limits: the exact instants, the answers, what is reported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.local.apim.context import Body, Headers, PolicyContext, Response
from provision.local.apim.policies.document import DEFAULT_GLOBAL, compile_document
from provision.local.apim.policies.pipeline import Pipeline
from provision.local.apim.policies.quotas import period_text
from provision.local.apim.policies.state import Counters, Gauge, TokenBucket, ValueCache
from provision.local.apim.policies.tokens import period_end
from provision.local.apim.policies.usage import estimate_prompt
from tests.provision.local.apim.policies.harness import Gateway, answer, context, pipeline, policy
from tripcurve.sliding import SlidingSum


async def status(text: str, gateway: Gateway, on: PolicyContext | None = None, **options: object) -> int:
    visit = context() if on is None else on
    await pipeline(text).run(visit, gateway)
    assert visit.response is not None
    return visit.response.status_code


def by_key(attributes: str = "", key: str = "k") -> str:
    return policy(f'<rate-limit-by-key calls="2" renewal-period="10" counter-key="{key}" {attributes} />')


# rate limits


async def test_the_call_over_the_rate_gets_429_with_retry_after_and_apims_sentence() -> None:
    gateway, visit = Gateway(), context()
    assert [await status(by_key(), gateway) for _ in range(2)] == [200, 200]
    gateway.clock += 2.5
    assert await status(by_key(), gateway, visit) == 429
    assert visit.response is not None
    assert visit.response.body.data == (
        b'{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 8 seconds." }'
    )
    assert visit.response.headers.get("Retry-After") == "8"
    assert visit.last_error is not None
    assert (visit.last_error.source, visit.last_error.reason) == ("rate-limit-by-key", "RateLimitExceeded")


async def test_classic_tiers_slide_and_admit_when_the_oldest_call_leaves_the_window() -> None:
    gateway = Gateway(sku="Developer")
    assert await status(by_key(), gateway) == 200
    gateway.clock += 5
    assert await status(by_key(), gateway) == 200
    gateway.clock += 4.999
    assert await status(by_key(), gateway) == 429
    gateway.clock += 0.001
    assert await status(by_key(), gateway) == 200
    assert await status(by_key(), gateway) == 429


async def test_v2_tiers_refill_a_bucket() -> None:
    gateway = Gateway(sku="BasicV2")
    assert [await status(by_key(), gateway) for _ in range(3)] == [200, 200, 429]
    gateway.clock += 5
    assert [await status(by_key(), gateway) for _ in range(2)] == [200, 429]


async def test_keys_count_apart() -> None:
    gateway = Gateway()
    text = by_key(key="@(context.Request.IpAddress)")
    first, second = context(), context()
    second.request.ip_address = "10.0.0.1"
    for _ in range(2):
        assert await status(text, gateway, first) == 200
    assert await status(text, gateway, first) == 429
    assert await status(text, gateway, second) == 200


async def test_remaining_and_total_calls_are_reported() -> None:
    names = 'remaining-calls-header-name="left" total-calls-header-name="all" remaining-calls-variable-name="v"'
    gateway = Gateway()
    for left in ("1", "0", "0"):
        visit = context()
        await status(by_key(names), gateway, visit)
        assert visit.response is not None
        assert (visit.response.headers.get("left"), visit.response.headers.get("all")) == (left, "2")
        assert visit.variables["v"] == int(left)


async def test_a_counting_condition_is_looked_at_once_the_answer_is_known() -> None:
    text = by_key('increment-condition="@(context.Response.StatusCode == 500)"')
    gateway = Gateway([answer(200), answer(200), answer(200), answer(500), answer(500), answer(200)])
    assert [await status(text, gateway) for _ in range(6)] == [200, 200, 200, 500, 500, 429]


async def test_increment_count_weighs_a_call() -> None:
    gateway = Gateway()
    assert [await status(by_key('increment-count="2"'), gateway) for _ in range(2)] == [200, 429]


async def test_rate_limit_counts_per_subscription_and_not_at_all_without_one() -> None:
    text = policy('<rate-limit calls="1" renewal-period="60" />')
    gateway = Gateway()
    nobody = context()
    nobody.subscription = None
    assert [await status(text, gateway) for _ in range(2)] == [200, 429]
    assert [await status(text, gateway, nobody) for _ in range(2)] == [200, 200]


async def test_rate_limit_can_be_narrower_for_an_operation() -> None:
    narrow = (
        '<api name="OpenAI" calls="9" renewal-period="60"><operation id="chat" calls="1" renewal-period="60" /></api>'
    )
    text = policy(f'<rate-limit calls="10" renewal-period="60">{narrow}</rate-limit>')
    gateway = Gateway()
    assert [await status(text, gateway) for _ in range(2)] == [200, 429]


# quotas


async def test_a_used_up_quota_gets_403_until_its_period_ends() -> None:
    text = policy('<quota-by-key calls="1" renewal-period="3600" counter-key="k" />')
    gateway, visit = Gateway(), context()
    assert await status(text, gateway) == 200
    assert await status(text, gateway, visit) == 403
    assert visit.response is not None
    assert visit.response.body.data == (
        b'{ "statusCode": 403, "message": "Out of call volume quota. Quota will be replenished in 00:53:53." }'
    )
    assert visit.last_error is not None
    assert visit.last_error.reason == "QuotaExceeded"
    gateway.clock += 53 * 60 + 53
    assert await status(text, gateway) == 200


async def test_a_quota_without_renewal_is_for_good() -> None:
    text = policy('<quota-by-key calls="1" renewal-period="0" counter-key="k" />')
    gateway = Gateway()
    await status(text, gateway)
    gateway.clock += 10**9
    assert await status(text, gateway) == 403


async def test_bandwidth_counts_both_bodies_in_kilobytes() -> None:
    text = policy('<quota-by-key bandwidth="1" renewal-period="3600" counter-key="k" />')
    gateway = Gateway([answer(200, b"x" * 600)])
    large = context(b"y" * 500)
    assert [await status(text, gateway, large), await status(text, gateway)] == [200, 403]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "00:00:01"), (61, "00:01:01"), (86_399, "23:59:59"), (90_000, "1.01:00:00")]
)
def test_periods_are_printed_as_time_spans(seconds: float, text: str) -> None:
    assert period_text(seconds) == text


# tokens

PROMPT = b'{"messages": [{"role": "user", "content": "' + b"word" * 10 + b'"}]}'


def usage(total: int) -> bytes:
    return b'{"usage": {"prompt_tokens": 1, "completion_tokens": %d, "total_tokens": %d}}' % (total - 1, total)


def tokens(attributes: str, estimate: str = "false") -> str:
    return policy(f'<llm-token-limit counter-key="k" estimate-prompt-tokens="{estimate}" {attributes} />')


async def test_without_an_estimate_the_excess_shows_one_call_later() -> None:
    gateway, visit = Gateway([answer(200, usage(150))]), context()
    text = tokens('tokens-per-minute="100"')
    assert await status(text, gateway) == 200
    gateway.clock += 20
    assert await status(text, gateway, visit) == 429
    assert visit.response is not None
    assert visit.response.body.data == (
        b'{ "statusCode": 429, "message": "Token limit is exceeded. Try again in 40 seconds." }'
    )
    assert visit.response.headers.get("Retry-After") == "40"
    assert visit.last_error is not None
    assert visit.last_error.reason.startswith("TokenLimitExceeded")
    gateway.clock += 40
    assert await status(text, gateway) == 200


async def test_with_an_estimate_a_prompt_too_large_never_reaches_the_backend() -> None:
    gateway = Gateway()
    text = tokens('tokens-per-minute="10"', estimate="true")
    assert pipeline(text).reads == {"request.body"}
    assert await status(text, gateway, context(PROMPT)) == 429
    assert gateway.forwarded == []


async def test_what_is_left_and_what_was_used_are_reported() -> None:
    names = 'remaining-tokens-header-name="left" tokens-consumed-header-name="used" remaining-tokens-variable-name="v"'
    gateway, visit = Gateway([answer(200, usage(30))]), context()
    await status(tokens(f'tokens-per-minute="100" {names}'), gateway, visit)
    assert visit.response is not None
    assert (visit.response.headers.get("left"), visit.response.headers.get("used")) == ("70", "30")
    assert visit.variables["v"] == 70


async def test_what_was_used_is_the_backends_count_whatever_outbound_makes_of_the_answer() -> None:
    limit = '<llm-token-limit counter-key="k" estimate-prompt-tokens="false" tokens-per-minute="100" {} />'
    names = 'tokens-consumed-header-name="used"'
    text = policy(limit.format(names), outbound="<set-body>mine</set-body><return-response />")
    gateway, visit = Gateway([answer(200, usage(30))]), context()
    await status(text, gateway, visit)
    assert visit.response is not None
    assert visit.response.headers.get("used") == "30"


async def test_a_token_quota_ends_with_its_calendar_period() -> None:
    gateway = Gateway([answer(200, usage(100))])
    text = tokens('token-quota="100" token-quota-period="Hourly"')
    assert [await status(text, gateway) for _ in range(2)] == [200, 403]
    gateway.clock += 53 * 60 + 53
    assert await status(text, gateway) == 200


@pytest.mark.parametrize(("period", "wait_s"), [("Hourly", 3233), ("Daily", 68033)])
async def test_the_period_of_a_token_quota_may_be_an_expression(period: str, wait_s: int) -> None:
    text = tokens('token-quota="100" token-quota-period="@((string)context.Variables[&quot;period&quot;])"')
    gateway, seen = Gateway([answer(200, usage(150))]), []
    for _ in range(2):
        visit = context()
        visit.variables["period"] = period
        await pipeline(text).run(visit, gateway)
        assert visit.response is not None
        seen.append(visit.response.status_code)
    assert seen == [200, 403]
    assert visit.response.headers.get("Retry-After") == str(wait_s)


async def test_a_period_that_is_none_is_an_error_of_the_policy() -> None:
    text = tokens('token-quota="100" token-quota-period="@(&quot;Sometimes&quot;)"')
    assert await status(text, Gateway([answer(200, usage(1))])) == 500


async def test_a_token_limit_works_at_global_scope_and_in_a_fragment() -> None:
    limit = '<llm-token-limit counter-key="k" estimate-prompt-tokens="false" tokens-per-minute="100" />'
    fragments = {"limit": {"format": "rawxml", "value": f"<fragment>{limit}</fragment>"}}
    whole = DEFAULT_GLOBAL.replace("<inbound />", f"<inbound>{limit}</inbound>")
    assert limit in whole
    included = compile_document(
        policy('<include-fragment fragment-id="limit" />'), format="rawxml", scope="api", fragments=fragments
    )
    default = compile_document(DEFAULT_GLOBAL, scope="global")
    for documents in ([compile_document(whole, scope="global")], [default, included]):
        gateway = Gateway([answer(200, usage(150))])
        seen = []
        for _ in range(2):
            visit = context()
            await Pipeline(documents).run(visit, gateway)
            assert visit.response is not None
            seen.append(visit.response.status_code)
        assert seen == [200, 429]


async def test_failed_answers_use_no_tokens() -> None:
    gateway = Gateway([answer(429, usage(1000)), answer(200)])
    text = tokens('tokens-per-minute="100"')
    assert [await status(text, gateway) for _ in range(2)] == [429, 200]


FRAMES = [
    b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}\n\ndata: [DONE]\n\n',
]


@pytest.mark.parametrize(("frames", "counted"), [(FRAMES, 10), (FRAMES[:2], 2 + 11)])
async def test_a_stream_passes_through_and_is_counted_at_its_end(frames: list[bytes], counted: int) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for frame in frames:
            yield frame

    gateway = Gateway([Response(200, "", Headers(), Body(None, stream()))])
    visit = context(PROMPT)
    await pipeline(tokens('tokens-per-minute="100"')).run(visit, gateway)
    window = gateway.counters.get(SlidingSum, ("tokens", "k"), lambda: SlidingSum(60))
    assert window.total(gateway.clock) == 0
    assert visit.response is not None
    assert visit.response.body.stream is not None
    assert [chunk async for chunk in visit.response.body.stream] == frames
    assert window.total(gateway.clock) == counted


async def test_a_stream_that_is_given_up_is_closed_behind_its_watcher_and_counted_so_far() -> None:
    closed: list[bool] = []

    class Stream:
        def __aiter__(self) -> Stream:
            return self

        async def __anext__(self) -> bytes:
            return FRAMES[1]

        async def aclose(self) -> None:
            closed.append(True)

    stream = Stream()

    class Streaming(Gateway):
        async def forward(self, context: PolicyContext, options: object) -> None:
            context.response = Response(200, "", Headers(), Body(None, stream))
            context.open_body = stream

    gateway, visit = Streaming(), context()
    await pipeline(tokens('tokens-per-minute="100"')).run(visit, gateway)
    assert visit.response is not None
    watched = visit.open_body
    assert watched is visit.response.body.stream
    assert watched is not None
    assert watched is not stream
    await anext(watched)
    await watched.aclose()  # type: ignore[attr-defined]  # the watcher has it, as generators do
    assert closed == [True]
    assert gateway.counters.get(SlidingSum, ("tokens", "k"), lambda: SlidingSum(60)).total(1000) == 1


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("Hourly", datetime(2026, 12, 31, 24 - 1, tzinfo=UTC)),
        ("Daily", datetime(2027, 1, 1, tzinfo=UTC)),
        ("Weekly", datetime(2027, 1, 4, tzinfo=UTC)),
        ("Monthly", datetime(2027, 1, 1, tzinfo=UTC)),
        ("Yearly", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_calendar_periods_end_in_utc(period: str, end: datetime) -> None:
    assert period_end(datetime(2026, 12, 31, 22, 30, tzinfo=UTC), period) == end


@given(st.binary(max_size=200))
def test_a_prompt_of_any_bytes_has_an_estimate(body: bytes) -> None:
    assert estimate_prompt(body) >= 0


def test_images_count_at_most_1200_tokens_each() -> None:
    body = b'{"messages": [{"content": [{"type": "image_url", "image_url": {"url": "data:aaaaaaaa"}}]}]}'
    assert estimate_prompt(body) == 1200


# state


@given(st.lists(st.floats(0.01, 5), max_size=60))
def test_a_bucket_never_gives_more_than_its_capacity_and_refill(delays: list[float]) -> None:
    bucket, now, taken = TokenBucket(5, 10.0, 5, 0.0), 0.0, 0
    for delay in delays:
        now += delay
        if bucket.wait(now) == 0:
            bucket.take(now, 1)
            taken += 1
        assert taken <= 5 + now * 5 / 10.0 + 1e-9


def test_a_full_cache_lets_the_least_recently_used_go() -> None:
    cache = ValueCache(limit=2)
    cache.store("a", 1, 0.0, 10)
    cache.store("b", 2, 0.0, 10)
    cache.get("a", 1.0)
    cache.store("c", 3, 1.0, 10)
    assert [cache.get(key, 1.0)[0] for key in "abc"] == [True, False, True]


def test_counters_are_bounded_and_kept_by_kind() -> None:
    counters = Counters(limit=2)
    gauge = counters.get(Gauge, "k", Gauge)
    assert counters.get(Gauge, "k", Gauge) is gauge
    assert counters.get(SlidingSum, "k", lambda: SlidingSum(1)) is not gauge
    counters.get(Gauge, "other", Gauge)
    assert len(counters) == 2
