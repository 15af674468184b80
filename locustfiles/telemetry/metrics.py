"""The metrics of a run: their names in OpenTelemetry and Prometheus, kinds, units and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FIRST_TOKEN", "HISTOGRAMS", "LATENCY", "LATENCY_BOUNDS_S", "METRICS", "PER_TOKEN", "Metric"]

LATENCY_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Metric:
    """One metric. `name`: in OpenTelemetry. `unit`: in UCUM, with curly brackets around what is counted."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    text: str

    @property
    def prometheus_name(self) -> str:
        """The name in Prometheus, by OpenTelemetry's rules; without `_total`, which its client adds to counters."""
        return self.name.replace(".", "_") + ("_seconds" if self.unit == "s" else "")


METRICS = {
    metric.name: metric
    for metric in (
        Metric("tripcurve.requests", "counter", "{request}", ("kind",), "Answers by kind, without dense probes"),
        Metric("tripcurve.tokens", "counter", "{token}", ("type",), "Tokens of answers by their usage: input, output"),
        Metric("tripcurve.arrivals", "counter", "{arrival}", ("state",), "Arrivals of the schedule, without probes"),
        Metric("tripcurve.configured.rate", "gauge", "{arrival}", (), "Arrivals per second that the scenario asks for"),
        Metric("tripcurve.lateness.p99", "gauge", "s", (), "99th percentile of how late arrivals were sent"),
        Metric("tripcurve.breaker.open", "gauge", "{breaker}", ("backend", "unit"), "1 if the breaker is open, else 0"),
        Metric("tripcurve.breaker.trips", "counter", "{trip}", ("backend", "unit"), "Trips of the breaker"),
        Metric("tripcurve.outage", "counter", "s", (), "Full seconds in which less than 99 % of the answers were 2xx"),
        Metric("tripcurve.users", "gauge", "{user}", (), "Locust users that are running"),
        Metric("tripcurve.phase", "gauge", "{phase}", ("phase",), "1 for the phase of the scenario under way, else 0"),
        Metric(
            "tripcurve.run", "gauge", "{run}", ("lab", "scenario", "target", "version"), "1 while a run is under way"
        ),
    )
}
LATENCY = Metric("tripcurve.latency", "histogram", "s", ("user", "origin"), "Time from sending to the last byte")
"""For Prometheus only: OpenTelemetry gets Locust's own histogram, `locust.client.duration`."""
FIRST_TOKEN = Metric(
    "tripcurve.time_to_first_token", "histogram", "s", (), "Streamed: time from sending to the first token"
)
PER_TOKEN = Metric(
    "tripcurve.time_per_output_token", "histogram", "s", (), "Streamed: time per token after the first one"
)
HISTOGRAMS = (LATENCY, FIRST_TOKEN, PER_TOKEN)
