"""The endpoint that Prometheus scrapes while a run is under way: `--prometheus PORT`. Needs the Prometheus client."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from gevent.pywsgi import WSGIServer
from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family

from locustfiles.live.guard import host_allowed
from locustfiles.telemetry.figures import Figures
from locustfiles.telemetry.metrics import HISTOGRAMS, METRICS
from tripcurve.errors import BadInput, reason_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client.registry import Collector

__all__ = ["guarded_app", "serve", "text_of"]

LOOPBACK = "127.0.0.1"


class _Collector:
    """Gives the figures to the Prometheus client, which asks at each scrape."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Family]:
        families = {
            metric.name: (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
                metric.prometheus_name, metric.text, labels=metric.labels
            )
            for metric in METRICS.values()
        }
        for metric, labels, value in self._figures.read():
            families[metric.name].add_metric(labels, value)
        yield from families.values()
        histograms = {
            metric.name: HistogramMetricFamily(metric.prometheus_name, metric.text, labels=metric.labels)
            for metric in HISTOGRAMS
        }
        for metric, labels, bounds_s, counts, sum_s in self._figures.distributions():
            bounds = [*map(str, bounds_s), "+Inf"]
            histograms[metric.name].add_metric(labels, list(zip(bounds, counts, strict=True)), sum_s)
        yield from histograms.values()


def text_of(figures: Figures) -> str:
    """Return the page that Prometheus gets now, in its text format."""
    text: str = generate_latest(_registry(figures)).decode()
    return text


def serve(figures: Figures, port: int) -> WSGIServer:
    """Serve the figures at /metrics on this machine's loopback address, and return the server.

    Raises BadInput if the port cannot be used.
    """
    try:
        listener = socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise BadInput(f"--prometheus {port}: the port cannot be used: {reason_of(error)}; give another") from None
    server = WSGIServer(listener, guarded_app(figures), log=None)
    server.start()
    return server


def guarded_app(figures: Figures) -> WSGIApplication:
    """Return the page as a WSGI application that refuses requests under other host names than this machine's.

    A hostile page can make a name of its own lead to this machine, and read what is served there.
    """
    app = make_wsgi_app(_registry(figures))

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not host_allowed(environ.get("HTTP_HOST", ""), LOOPBACK):
            start_response("421 Misdirected Request", [("Content-Type", "text/plain")])
            return [b"tripcurve: the metrics are not served under that host name; use 127.0.0.1\n"]
        answer: Iterable[bytes] = app(environ, start_response)
        return answer

    return guarded


def _registry(figures: Figures) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(cast("Collector", _Collector(figures)))
    return registry
