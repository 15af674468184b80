"""Single answers exported with OpenTelemetry, received in memory by its SDK."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from locustfiles.live.locust_stats import ANSWERED_BY
from locustfiles.telemetry.answers import AnswerExporter
from tests.locustfiles.telemetry.conftest import Ended


def export(finished: Ended) -> tuple[Any, tuple[ReadableSpan, ...]]:
    """The data points of the histogram, and the spans."""
    reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
    meters, tracers = MeterProvider([reader], shutdown_on_exit=False), TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    exporter = AnswerExporter(finished.plan, meters, tracers)
    for batch in finished.batches:
        exporter(batch)
    data: Any = reader.get_metrics_data()
    [metric] = data.resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "locust.client.duration"
    meters.shutdown()
    tracers.shutdown()
    return metric.data.data_points, spans.get_finished_spans()


def test_locusts_histogram_has_every_row_of_the_record(finished: Ended) -> None:
    points, _ = export(finished)
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
    points, _ = export(finished)
    failed = Counter[str]()
    for point in points:
        failed[point.attributes.get("error.type", "")] += point.count
    rows = Counter[str]()
    for (status, error), n in finished.counted("status", "error").items():
        rows[error or ("" if status == 200 else str(status))] += n
    assert failed == rows


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
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "gpt-5.1",
        "server.address": "127.0.0.1",
        "server.port": 8080,
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
