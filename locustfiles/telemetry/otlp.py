"""OpenTelemetry, switched on by Locust's `--otel`: the metrics of the main process, and one warning for failed exports.

Locust makes the providers and exporters, by OpenTelemetry's usual environment variables. Needs OpenTelemetry's API.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.trace import TracerProvider

from locustfiles.telemetry.figures import Figures
from locustfiles.telemetry.metrics import METRICS, Metric
from tripcurve import __version__

__all__ = ["export_figures", "shut_down", "warn_once"]


def export_figures(figures: Figures, provider: MeterProvider | None = None) -> None:
    """Register every metric with OpenTelemetry, which reads it at each export. `provider` None: the one Locust made."""
    meter = metrics.get_meter("tripcurve", __version__, provider)
    for metric in METRICS.values():
        make = meter.create_observable_counter if metric.kind == "counter" else meter.create_observable_gauge
        make(metric.name, callbacks=[_reading(figures, metric)], unit=metric.unit, description=metric.text)


def _reading(figures: Figures, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def read(options: CallbackOptions) -> Iterable[Observation]:
        for each in figures.read():
            if each.metric is metric:
                yield Observation(each.value, dict(zip(metric.labels, each.labels, strict=True)))

    return read


def shut_down(**_: object) -> None:
    """Export what is left and end the exporters: a listener of Locust's event `quit`.

    The SDK would do it when the interpreter ends, when gevent no longer works.
    """
    for provider in (metrics.get_meter_provider(), trace.get_tracer_provider()):
        if isinstance(provider, SdkMeterProvider | TracerProvider):
            provider.shutdown()


def warn_once() -> None:
    """Print the first message of OpenTelemetry's exporters and drop the others, so that a run is not buried in them."""
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(_First(logging.WARNING))
    logger.propagate = False


class _First(logging.Handler):
    """Prints the first record."""

    printed = False

    def emit(self, record: logging.LogRecord) -> None:
        if self.printed:
            return
        self.printed = True
        text = " ".join(record.getMessage().split())[:200]
        print(
            f"tripcurve: OpenTelemetry cannot export: {text}. The run goes on; this is the only warning",
            file=sys.stderr,
        )
