"""The exporters that a run is asked to have, and whether their packages are installed. Imports nothing of Locust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from tripcurve.errors import BadInput

__all__ = ["DEFAULTS", "NO_EXPORTERS", "Exporters", "has_opentelemetry"]

DEFAULTS = {
    "OTEL_SERVICE_NAME": "tripcurve",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",  # gRPC blocks the process, and with it the traffic
    "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
    "OTEL_METRIC_EXPORT_INTERVAL": "5000",  # the default of a minute is longer than many runs
    "OTEL_LOGS_EXPORTER": "",
}
"""Environment variables of `tripcurve run --otel`, unless they are set."""


@dataclass(frozen=True)
class Exporters:
    """The exporters of one run. `prometheus`: the port to serve metrics on; None: none. `otel`: use OpenTelemetry."""

    prometheus: int | None = None
    otel: bool = False

    def check(self) -> None:
        """Raise BadInput, with the command to install it, if a package is missing."""
        if self.prometheus is not None and find_spec("prometheus_client") is None:
            raise BadInput("--prometheus needs the Prometheus client: pip install 'tripcurve[prometheus]'")
        if self.otel and not has_opentelemetry():
            raise BadInput("--otel needs OpenTelemetry: pip install 'tripcurve[otel]'")

    def words(self) -> list[str]:
        """Return the options for Locust's command line."""
        port = [] if self.prometheus is None else ["--prometheus", str(self.prometheus)]
        return [*port, "--otel"] if self.otel else port

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables of the Locust process. `given`: those of this process."""
        return (DEFAULTS if self.otel else {}) | dict(given)


NO_EXPORTERS = Exporters()


def has_opentelemetry() -> bool:
    """Return whether OpenTelemetry's SDK and its exporter over HTTP are installed."""
    try:
        return all(find_spec(name) for name in ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"))
    except ModuleNotFoundError:
        return False
