"""Metrics exported with OpenTelemetry: in memory, and by whole Locust processes to a collector in this process."""

from __future__ import annotations

import logging
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from locustfiles.live.counts import kind_of
from locustfiles.telemetry.otlp import _First, export_figures
from tests.locustfiles.running import Running, ended, own_host
from tests.locustfiles.servers import Gateway, serving
from tests.locustfiles.telemetry.conftest import Ended

SCENARIO = """
name: short
users: {ChatUser: 4, ProbeUser: 1}
phases:
  - {name: well, for: 0.7, rate: 60}
  - {name: ill, for: 0.8, rate: 60, simulate: {default: {status: 429}}}
"""


def test_the_metrics_are_the_figures(finished: Ended) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    export_figures(finished.figures, provider)
    data: Any = reader.get_metrics_data()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    found = {
        (metric.name, *point.attributes.values()): point.value
        for metric in metrics
        for point in metric.data.data_points
    }
    assert found == finished.values()
    sums = {metric.name for metric in metrics if getattr(metric.data, "is_monotonic", False)}
    counters = ("requests", "tokens", "arrivals", "breaker.trips", "outage")
    assert sums == {f"tripcurve.{name}" for name in counters}
    provider.shutdown()


def test_only_the_first_failure_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.Logger("exporter")
    logger.addHandler(_First(logging.WARNING))
    logger.info("exporting")
    logger.warning("Transient error %s\nretrying", "refused")
    logger.error("Failed")
    assert capsys.readouterr().err == (
        "tripcurve: OpenTelemetry cannot export: Transient error refused retrying. "
        "The run goes on; this is the only warning\n"
    )


@contextmanager
def collecting(received: list[tuple[str, bytes]]) -> Iterator[int]:
    """A collector over HTTP: appends path and body of each export."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    gateway = Gateway()
    with serving(gateway) as port:
        made = Running(tmp_path, port, gateway)
        yield made
        made.close()


def use_collector(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
        "OTEL_LOGS_EXPORTER": "",
        "OTEL_TRACES_SAMPLER": "always_on",
    }.items():
        monkeypatch.setenv(name, value)


def last_values(received: list[tuple[str, bytes]], name: str) -> Counter[tuple[str, ...]]:
    """The last value of a metric by its attributes, summed over the processes that sent it."""
    newest: dict[tuple[str, ...], float] = {}
    for path, body in received:
        if path != "/v1/metrics":
            continue
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                if metric.name == name:
                    points = metric.sum.data_points or metric.histogram.data_points
                    for point in points:
                        labels = tuple(each.value.string_value for each in point.attributes)
                        key = (str(point.start_time_unix_nano), *labels)
                        newest[key] = point.count if metric.HasField("histogram") else point.as_int or point.as_double
    found = Counter[tuple[str, ...]]()
    for (_, *labels), value in newest.items():
        found[tuple(labels)] += int(value)
    return found


@pytest.mark.slow
def test_the_main_process_exports_the_sums_of_two_workers(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[tuple[str, bytes]] = []
    with collecting(received) as port:
        use_collector(port, monkeypatch)
        host = own_host()
        main = running.drive(SCENARIO, "--master", "--master-bind-host", host, "--expect-workers", "2", "--otel")
        workers = [running.locust("--worker", "--master-host", host, "--otel") for _ in range(2)]
        code, _, err = ended(main)
        assert code == 0, err
        for worker in workers:
            assert ended(worker)[0] == 0
    rows = running.rows()
    kinds = Counter((kind_of(*each),) for each in zip(rows["status"], rows["origin"], errors(rows), strict=True))
    assert +last_values(received, "tripcurve.requests") == kinds
    paced = rows[(rows["start_ns"] != rows["intended_ns"]) & (rows["user"] != "ProbeUser")]
    assert last_values(received, "tripcurve.arrivals")[("sent",)] == len(paced) == 90
    assert last_values(received, "locust.client.duration").total() == len(rows)
    used = {kind: int(rows[f"{kind}_tokens"].sum()) for kind in ("prompt", "completion")}
    assert last_values(received, "tripcurve.tokens") == {("input",): used["prompt"], ("output",): used["completion"]}
    assert last_values(received, "gen_ai.client.token.usage").total() == 2 * rows["prompt_tokens"].notna().sum() > 0
    traces = [ExportTraceServiceRequest.FromString(body) for path, body in received if path == "/v1/traces"]
    spans = [
        span for each in traces for part in each.resource_spans for scope in part.scope_spans for span in scope.spans
    ]
    starts = sorted(span.start_time_unix_nano for span in spans if span.name.startswith("chat "))
    assert starts == sorted(rows["start_ns"].tolist())


def errors(rows: Any) -> list[str | None]:
    return [None if error != error or error is None else str(error) for error in rows["error"].tolist()]


@pytest.mark.slow
def test_a_collector_that_is_down_is_one_warning(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    use_collector(port, monkeypatch)
    code, _, err = ended(running.drive(SCENARIO, "--otel"))
    assert code == 0, err
    assert err.count("OpenTelemetry cannot export") == 1
    assert "Traceback" not in err
    assert len(running.rows()) == running.gateway.served
