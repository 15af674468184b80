"""What Prometheus gets: the figures in its format, from this machine's names only."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from prometheus_client.parser import text_string_to_metric_families

from locustfiles.telemetry.metrics import HISTOGRAMS, LATENCY, METRICS
from locustfiles.telemetry.prometheus import guarded_app, serve, text_of
from tests.locustfiles.telemetry.conftest import Ended, row, streams
from tripcurve.errors import BadInput


def samples(text: str) -> dict[tuple[str, ...], float]:
    """The samples of a page by name and values of their labels, in the order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_page_has_the_figures(finished: Ended) -> None:
    found = samples(text_of(finished.figures))
    for (name, *labels), value in finished.values().items():
        metric = METRICS[name]
        suffix = "_total" if metric.kind == "counter" else ""
        ordered = [label for _, label in sorted(zip(metric.labels, labels, strict=True))]
        assert found[(metric.prometheus_name + suffix, *ordered)] == value


def test_the_page_has_the_latencies_as_a_histogram(finished: Ended) -> None:
    found = samples(text_of(finished.figures))
    for (user, origin), n in finished.counted("user", "origin").items():
        assert found[(f"{LATENCY.prometheus_name}_count", origin, user)] == n
        assert found[(f"{LATENCY.prometheus_name}_bucket", "+Inf", origin, user)] == n


def test_the_page_has_the_times_of_streamed_tokens(make_ended: Callable[..., Ended]) -> None:
    ended = make_ended([*streams(), row(0, 4.0)])
    found = samples(text_of(ended.figures))
    assert found[("tripcurve_tokens_total", "input")] == ended.values()[("tripcurve.tokens", "input")]
    name, spread = "tripcurve_time_to_first_token_seconds", ended.run.live.tokens.first
    assert found[(f"{name}_count",)] == found[(f"{name}_bucket", "+Inf")] == spread.counts.sum()
    assert found[(f"{name}_bucket", "0.001")] == spread.counts[0] > 0


def test_names_follow_the_rules_of_opentelemetry_and_prometheus() -> None:
    for metric in [*METRICS.values(), *HISTOGRAMS]:
        assert re.fullmatch(r"tripcurve(_[a-z0-9]+)+", metric.prometheus_name)
        assert metric.prometheus_name.endswith("_seconds") == (metric.unit == "s")


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:9464", "200 OK"), ("localhost:9464", "200 OK"), ("evil.example:9464", "421 Misdirected Request")],
)
def test_a_page_of_another_name_cannot_read_it(finished: Ended, host: str, status: str) -> None:
    answered: list[str] = []
    environ = {"HTTP_HOST": host, "REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": ""}
    app: Any = guarded_app(finished.figures)
    body = b"".join(app(environ, lambda status, headers: answered.append(status)))
    assert answered == [status]
    assert (b"tripcurve_requests_total" in body) == (status == "200 OK")


def test_a_port_in_use_is_bad_input(finished: Ended) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"--prometheus {port}: the port cannot be used: Address already in use"):
            serve(finished.figures, port)


class Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(finished: Ended) -> Iterator[int]:
    """The page in a thread, without gevent: this process is not patched."""
    with make_server("127.0.0.1", 0, guarded_app(finished.figures), handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def ask(address: str, **query: str) -> Any:
    url = f"{address}?{urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own server
        return json.load(answer)["data"]["result"]


@pytest.mark.slow
def test_a_real_prometheus_scrapes_the_figures(finished: Ended, tmp_path: Path) -> None:
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("no prometheus on this machine (Debian: apt install prometheus)")
    with served(finished) as port, socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
        config = tmp_path / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 100ms, scrape_timeout: 100ms}\n"
            f"scrape_configs: [{{job_name: tripcurve, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
        )
        free.close()
        words = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
        process = subprocess.Popen(
            [binary, *words, f"--web.listen-address=127.0.0.1:{own}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            found = wait_for(f"http://127.0.0.1:{own}/api/v1/query")
        finally:
            process.terminate()
            process.wait(timeout=20)
    values = finished.values()
    assert found == {kind: values[("tripcurve.requests", kind)] for kind in found}
    assert len(found) == 6


def wait_for(address: str) -> dict[str, float]:
    """Ask Prometheus for the requests by kind until it has scraped them."""
    tried = threading.Event()
    for _ in range(200):
        tried.wait(0.1)
        try:
            result = ask(address, query="tripcurve_requests_total")
        except OSError:
            continue
        if result:
            return {each["metric"]["kind"]: float(each["value"][1]) for each in result}
    raise AssertionError("Prometheus scraped nothing in 20 s")
