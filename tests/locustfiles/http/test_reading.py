"""Reading answers, streams and clocks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.conduct.clock_offset import ClockOffset
from locustfiles.http.answer import Answer
from locustfiles.http.reading import Reader, Usage
from locustfiles.http.sse import CompletionStream, ResponseStream
from locustfiles.pacing.clock import Clock
from locustfiles.recording.histogram import Histogram
from locustfiles.recording.tally import Tally
from tripcurve.lab import load_lab

READER = Reader(load_lab("pool"))


def answered(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    answer = Answer(0)
    answer.status = status
    answer.body = body
    answer.headers = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return answer


@pytest.mark.parametrize(
    ("answer", "origin", "backend"),
    [
        (answered(x_tripcurve_backend="openaimock2.azurewebsites.net"), "backend", "openaimock2"),
        (answered(x_tripcurve_backend="OPENAIMOCK1.azurewebsites.net"), "backend", "openaimock1"),
        (answered(x_tripcurve_backend="elsewhere.example"), "backend", None),
        (answered(503), "gateway", None),
        (answered(503, x_tripcurve_backend="openaimock1.azurewebsites.net"), "backend", "openaimock1"),
        (answered(429, x_ms_region="East US"), "backend", None),
        (answered(401), "gateway", None),
        (answered(0), "client", None),
    ],
)
def test_the_origin_of_an_answer_is_read_from_the_policys_headers(
    answer: Answer, origin: str, backend: str | None
) -> None:
    assert READER.origin(answer) == origin
    assert READER.backend(answer) == backend


@pytest.mark.parametrize(
    ("value", "us"), [("1.5", 1500), ("0", 0), ("-1", 0), ("soon", None), ("inf", None), ("1e12", 2**31 - 1)]
)
def test_the_gateways_wait_is_read_in_milliseconds(value: str, us: int | None) -> None:
    assert READER.backend_us(answered(x_tripcurve_backend_ms=value)) == us


def test_an_answer_without_these_headers_gives_none() -> None:
    answer = answered()
    assert READER.backend_us(answer) is None
    assert READER.retry_after_s(answer) is None


def test_retry_after_is_seconds() -> None:
    assert READER.retry_after_s(answered(429, retry_after="7")) == 7.0


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (b'{"usage":{"prompt_tokens":4,"completion_tokens":0}}', Usage(4, 0)),
        (b'{"usage":{"prompt_tokens":"4","completion_tokens":-1}}', Usage(None, None)),
        (b'{"usage":{"prompt_tokens":true,"completion_tokens":1e30}}', Usage(None, None)),
        (b'{"usage":null}', Usage(None, None)),
        (b"{}", Usage(None, None)),
        (b"[]", None),
        (b'{"usage":', None),
        (b"", None),
    ],
)
def test_tokens_come_from_usage_and_a_body_that_is_not_an_object_is_not_a_completion(
    body: bytes, usage: Usage | None
) -> None:
    assert READER.usage(answered(body=body)) == usage


TOKEN = b'data: {"choices":[{"delta":{"content":"word"}}]}\n\n'
STREAM = (
    b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'
    + 3 * TOKEN
    + b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}\n\ndata: [DONE]\n\n'
)


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_reads_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream, bounds = CompletionStream(), [0, *sorted(cuts), len(STREAM)]
    for begin, end in zip(bounds, bounds[1:], strict=False):  # noqa: RUF007  # pairs of a list, by index
        stream.feed(STREAM[begin:end], end)
    assert stream.verdict(None) is None
    assert len(stream.gaps_ns) == 2
    assert stream.usage == Usage(9, 3)
    assert stream.first_token_ns is not None


@pytest.mark.parametrize(
    ("data", "error", "verdict"),
    [
        (TOKEN, None, "BrokenStream"),
        (TOKEN, "IncompleteBody", "IncompleteBody"),
        (TOKEN + b'data: {"error":{"message":"x"}}\n\n', None, "StreamError"),
        (b"data: {{{\n\n", None, "BadStream"),
        (STREAM, None, None),
        (b": a comment\n\n" + STREAM, None, None),
    ],
)
def test_a_stream_that_ends_early_or_wrongly_is_an_error(data: bytes, error: str | None, verdict: str | None) -> None:
    stream = CompletionStream()
    stream.feed(data, 1)
    assert stream.verdict(error) == verdict


@given(
    truth=st.integers(-(10**12), 10**12),
    trips=st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=30),
)
def test_the_true_offset_lies_within_the_half_width(truth: int, trips: list[tuple[int, int]]) -> None:
    offset, now = ClockOffset(), 10**15
    for there, back in trips:
        offset.add(now, now + there + truth, now + there + back)
        now += 10**9
    best = offset.best
    assert best is not None
    assert abs(best.offset_ns - truth) <= best.half_width_ns + 1
    assert best.half_width_ns <= (min(there + back for there, back in trips[-16:]) + 1) // 2


def test_a_clock_converts_in_both_directions_and_names_its_machine() -> None:
    clock = Clock.now()
    assert clock.monotonic(clock.unix(123)) == 123
    assert clock.shared_with(Clock.from_message(clock.to_message()))
    assert not clock.shared_with(Clock(0, 0, None))


@given(times=st.lists(st.floats(1e-6, 100), min_size=1, max_size=200), share=st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_within_a_bin_of_the_exact_one(times: list[float], share: float) -> None:
    histogram = Histogram()
    histogram.add([one * 1e9 for one in times])
    exact = sorted(times)[max(-(-len(times) * share // 1) - 1, 0).__int__()]
    found = histogram.quantile_ms(share)
    assert found is not None
    assert exact * 1000 * 0.98 <= found <= max(exact * 1000, 0.001) * 1.03


def test_an_empty_histogram_has_no_quantile() -> None:
    assert Histogram().quantile_ms(0.99) is None


def test_tallies_travel_and_add_up() -> None:
    one = Tally(intended=5, sent=4, dropped=1, rows=4)
    one.lateness.add([2e6, 3e6])
    one.token_gaps.add([40e6, 40e6, 90e6])
    one.outcomes["settled"] = 4
    both = Tally.from_message(one.to_message())
    both.add(one)
    assert (both.intended, both.sent, both.dropped, both.rows) == (10, 8, 2, 8)
    assert both.outcomes == {"settled": 8}
    assert both.pacing().late_p99_ms == pytest.approx(3, rel=0.02)
    gaps = both.token_gap_ms()
    assert gaps.n == 6
    assert gaps.p50 == pytest.approx(40, rel=0.02)
    assert gaps.p99 == pytest.approx(90, rel=0.02)


@given(
    due=st.lists(st.floats(0, 100), max_size=50),
    heard=st.floats(-1, 120),
    end=st.floats(0, 120),
    recorded=st.integers(0, 50),
)
def test_every_arrival_of_a_dead_worker_is_accounted_for_once(
    due: list[float], heard: float, end: float, recorded: int
) -> None:
    tally = Tally(intended=7, sent=6, dropped=1)
    tally.add_lost(sorted(due), heard, end, recorded)
    assert tally.intended == tally.sent + tally.dropped + tally.untold + tally.missed
    assert tally.intended == 7 + sum(each < end for each in due)
    assert tally.missed == sum(heard <= each < end for each in due)


def test_usage_is_read_by_the_names_of_either_api() -> None:
    assert READER.usage(answered(body=b'{"usage":{"input_tokens":7,"output_tokens":3}}')) == Usage(7, 3)


def response_events(*events: dict[str, object]) -> ResponseStream:
    stream = ResponseStream()
    for number, event in enumerate(events):
        stream.feed(b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n", 100 + number)
    return stream


CREATED = {"type": "response.created", "response": {"id": "resp_1", "error": None, "usage": None}}
DELTA = {"type": "response.output_text.delta", "delta": "a"}
USED = {"id": "resp_1", "error": None, "usage": {"input_tokens": 7, "output_tokens": 2}}


@pytest.mark.parametrize("ending", ["response.completed", "response.incomplete"])
def test_a_streamed_response_has_its_id_tokens_and_usage(ending: str) -> None:
    stream = response_events(CREATED, DELTA, DELTA, {"type": ending, "response": USED})
    assert stream.verdict(None) is None
    assert (stream.ident, stream.usage) == ("resp_1", Usage(7, 2))
    assert (stream.first_token_ns, stream.gaps_ns) == (101, [1])


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (DELTA, "BrokenStream"),
        ({"type": "response.failed", "response": USED}, "StreamError"),
        ({"type": "error", "message": "no"}, "StreamError"),
        ({"error": {"message": "no"}}, "StreamError"),
    ],
)
def test_a_streamed_response_that_does_not_end_well_is_an_error(last: dict[str, object], error: str) -> None:
    assert response_events(CREATED, last).verdict(None) == error
