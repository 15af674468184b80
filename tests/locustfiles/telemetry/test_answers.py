"""Single answers exported with OpenTelemetry, received in memory by its SDK."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow.compute as pc
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.metrics.gen_ai_metrics import (
    GEN_AI_CLIENT_OPERATION_DURATION,
    GEN_AI_CLIENT_TOKEN_USAGE,
)
from opentelemetry.trace import SpanKind, StatusCode

from locustfiles.live.locust_stats import ANSWERED_BY
from locustfiles.telemetry.answers import AnswerExporter
from locustfiles.telemetry.metrics import FIRST_TOKEN, PER_TOKEN
from tests.locustfiles.telemetry.conftest import Ended, row, streams

CONSTANT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.openai",
    "gen_ai.request.model": "gpt-5.1",
    "server.address": "127.0.0.1",
    "server.port": 8080,
}


def export(finished: Ended) -> tuple[dict[str, Any], tuple[ReadableSpan, ...]]:
    """The data points of each histogram by its name, and the spans."""
    reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
    meters, tracers = MeterProvider([reader], shutdown_on_exit=False), TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    exporter = AnswerExporter(finished.plan, meters, tracers)
    for batch in finished.batches:
        exporter(batch)
    data: Any = reader.get_metrics_data()
    metrics = [metric for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics]
    meters.shutdown()
    tracers.shutdown()
    return {metric.name: metric.data.data_points for metric in metrics}, spans.get_finished_spans()


def locusts(finished: Ended) -> Any:
    """The data points of Locust's histogram."""
    return export(finished)[0]["locust.client.duration"]


def test_locusts_histogram_has_every_row_of_the_record(finished: Ended) -> None:
    points = locusts(finished)
    by_name = Counter[str]()
    for point in points:
        by_name[point.attributes["name"]] += point.count
    rows = Counter[str]()
    for (user, origin), n in finished.counted("user", "origin").items():
        rows[f"{user} · {ANSWERED_BY[origin]}"] += n
    assert by_name == rows
    total_s = sum(finished.table["latency_us"].to_pylist()) / 1e6
    assert sum(point.sum for point in points) == pytest.approx(total_s)


def test_failures_have_an_error_type(finished: Ended) -> None:
    points = locusts(finished)
    failed = Counter[str]()
    for point in points:
        failed[point.attributes.get("error.type", "")] += point.count
    rows = Counter[str]()
    for (status, error), n in finished.counted("status", "error").items():
        rows[error or ("" if status == 200 else str(status))] += n
    assert failed == rows


def test_tokens_are_the_records_by_the_conventions(make_ended: Callable[..., Ended]) -> None:
    finished = make_ended([*streams(), row(0, 4.0), row(5, 4.1)])
    points = export(finished)[0]["gen_ai.client.token.usage"]
    found = {point.attributes["gen_ai.token.type"]: (point.count, point.sum) for point in points}
    columns = {"input": finished.table["prompt_tokens"], "output": finished.table["completion_tokens"]}
    assert found == {kind: (len(c) - c.null_count, pc.sum(c).as_py()) for kind, c in columns.items()}
    assert dict(points[0].attributes) == CONSTANT | {"gen_ai.token.type": "input"}


def test_durations_are_the_records_with_the_type_of_their_error(finished: Ended) -> None:
    points = export(finished)[0]["gen_ai.client.operation.duration"]
    found = {point.attributes.get("error.type"): (point.count, point.sum) for point in points}
    table = finished.table
    rows: dict[str | None, list[float]] = {}
    for status, error, us in zip(*(table[name].to_pylist() for name in ("status", "error", "latency_us")), strict=True):
        rows.setdefault(error or (None if status == 200 else str(status)), []).append(us / 1e6)
    assert found == {kind: (len(each), pytest.approx(sum(each))) for kind, each in rows.items()}
    assert all(CONSTANT.items() <= dict(point.attributes).items() for point in points)


def test_the_speed_of_streams_is_that_of_the_live_figures(make_ended: Callable[..., Ended]) -> None:
    finished = make_ended([*streams(), row(0, 4.0)])
    found, _ = export(finished)
    live = finished.run.live.tokens
    for name, spread in ((FIRST_TOKEN.name, live.first), (PER_TOKEN.name, live.per_token)):
        [point] = found[name]
        assert tuple(point.explicit_bounds) == spread.bounds_s
        assert tuple(point.bucket_counts) == tuple(spread.counts)
        assert point.sum == pytest.approx(spread.sum_us / 1e6)
        assert point.count > 0


def test_without_streams_there_is_no_time_of_tokens(finished: Ended) -> None:
    found, _ = export(finished)
    assert not {FIRST_TOKEN.name, PER_TOKEN.name} & set(found)


def test_names_and_bounds_are_those_of_the_conventions(finished: Ended) -> None:
    found, _ = export(finished)
    usage, duration = found[GEN_AI_CLIENT_TOKEN_USAGE], found[GEN_AI_CLIENT_OPERATION_DURATION]
    assert tuple(usage[0].explicit_bounds) == (
        *(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536),
        *(262144, 1048576, 4194304, 16777216, 67108864),
    )
    assert tuple(duration[0].explicit_bounds) == (
        *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64),
        *(1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    )


def test_one_request_in_a_hundred_has_a_span(finished: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    finished.batches *= 50
    _, spans = export(finished)
    assert 60 < len(spans) < 150  # of 10,100


def test_a_span_has_the_names_of_generative_ai(finished: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    _, spans = export(finished)
    assert len(spans) == len(finished.table)
    span, row = spans[0], finished.batches[0].rows[0]
    assert (span.name, span.kind, span.parent) == ("chat gpt-5.1", SpanKind.CLIENT, None)
    assert (span.start_time, span.end_time) == (row.start_ns, row.start_ns + row.latency_us * 1000)
    assert dict(span.attributes or {}) == CONSTANT | {
        "http.response.status_code": 200,
        "gen_ai.usage.input_tokens": 40,
        "gen_ai.usage.output_tokens": 20,
        "tripcurve.origin": "backend",
        "tripcurve.backend": "m1",
        "tripcurve.phase": "well",
        "tripcurve.user": "ChatUser",
        "tripcurve.late_s": 0.0002,
    }


def test_a_failed_request_has_an_error(finished: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    _, spans = export(finished)
    errors = Counter(str((span.attributes or {}).get("error.type")) for span in spans if not span.status.is_unset)
    assert {span.status.status_code for span in spans} == {StatusCode.UNSET, StatusCode.ERROR}
    assert set(errors) == {"429", "503", "500", "Timeout", "IncompleteBody"}


def test_no_text_of_a_request_or_key_is_in_a_span(finished: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    _, spans = export(finished)
    key = finished.plan.target.api_key.get_secret_value()
    assert [span for span in spans if key in (span.attributes or {}).values()] == []
