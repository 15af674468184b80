"""Exports single answers with OpenTelemetry: histograms of durations and tokens, and spans of some of the requests.

All are made from the rows of each flush, twice a second, and not while a request is under way.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from locust.env import Environment

from locustfiles.conduct.plan import Plan
from locustfiles.live.locust_stats import ANSWERED_BY
from locustfiles.live.tokens import FIRST_TOKEN_BOUNDS_S, PER_TOKEN_BOUNDS_S
from locustfiles.recording.recorder import Batch
from locustfiles.telemetry.choice import has_opentelemetry
from locustfiles.telemetry.metrics import FIRST_TOKEN, PER_TOKEN
from tripcurve import __version__
from tripcurve.run.record import Row

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter, MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["DURATION_BOUNDS_S", "SHARE", "TOKEN_BOUNDS", "AnswerExporter", "answer_exporter"]

SHARE = 0.01
"""The share of requests that get a span, unless OTEL_TRACES_SAMPLER names a sampler."""
# The bounds of histograms in the semantic conventions [OTEL-GENAI-METRICS].
DURATION_BOUNDS_S = tuple(0.01 * 2**power for power in range(14))
TOKEN_BOUNDS = tuple(4**power for power in range(14))

Attributes = dict[str, str | int | float]


def answer_exporter(environment: Environment, plan: Plan) -> AnswerExporter | None:
    """Return the exporter of this process's answers, or None without `--otel` or without OpenTelemetry."""
    if not getattr(environment.parsed_options, "otel", False):
        return None
    return AnswerExporter(plan) if has_opentelemetry() else None


class AnswerExporter:
    """Exports the answers of a process in a run.

    `locust.client.duration` is Locust's, which would fill it at an event for each request. The other histograms and the
    spans have the names of the semantic conventions of generative AI [OTEL-GENAI] [OTEL-GENAI-METRICS], or our own
    names where those mean something else. Spans have no parent, because a request carries no trace context.

    `meters` and `tracers` None: the providers that Locust made.
    """

    def __init__(self, plan: Plan, meters: MeterProvider | None = None, tracers: TracerProvider | None = None) -> None:
        from opentelemetry import metrics, trace

        self._plan = plan
        self._locusts = metrics.get_meter("locust", meter_provider=meters).create_histogram(
            "locust.client.duration", unit="s", description="Time to last byte for requests"
        )
        self._tracer = trace.get_tracer("tripcurve", __version__, tracers)
        self._share = 1.0 if "OTEL_TRACES_SAMPLER" in os.environ else SHARE
        self._draw = random.Random(plan.start_ns).random  # noqa: S311  # no secret
        address = urlsplit(plan.target.gateway_url)
        self._constant: Attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "azure.ai.openai",
            "gen_ai.request.model": plan.target.deployment,
            "server.address": address.hostname or "",
            "server.port": address.port or (443 if address.scheme == "https" else 80),
        }
        self._histograms = _Histograms(metrics.get_meter("tripcurve", __version__, meters), self._constant)

    def __call__(self, batch: Batch) -> None:
        """Export the rows of a batch: a listener of the recorder."""
        for row in batch.rows:
            self._count(row)
            self._histograms.record(row)
            if self._draw() < self._share:
                self._trace(row)

    def _count(self, row: Row) -> None:
        attributes = {"name": f"{row.user} · {ANSWERED_BY[row.origin]}"}
        failure = _failure(row)
        if failure is not None:
            attributes["error.type"] = failure
        self._locusts.record(row.latency_us / 1e6, attributes)

    def _trace(self, row: Row) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, StatusCode

        span = self._tracer.start_span(
            f"chat {self._plan.target.deployment}",
            context=Context(),
            kind=SpanKind.CLIENT,
            attributes=self._constant | _attributes(row),
            start_time=row.start_ns,
        )
        if _failure(row) is not None:
            span.set_status(StatusCode.ERROR)
        span.end(row.start_ns + row.latency_us * 1000)


class _Histograms:
    """The histograms of generative AI: durations, tokens, and how fast the tokens of streamed answers came."""

    def __init__(self, meter: Meter, attributes: Attributes) -> None:
        self._attributes = attributes
        self._input = attributes | {"gen_ai.token.type": "input"}
        self._output = attributes | {"gen_ai.token.type": "output"}

        def make(name: str, unit: str, text: str, bounds: tuple[float, ...]) -> Histogram:
            return meter.create_histogram(name, unit, text, explicit_bucket_boundaries_advisory=bounds)

        self._duration = make("gen_ai.client.operation.duration", "s", "GenAI operation duration", DURATION_BOUNDS_S)
        self._usage = make("gen_ai.client.token.usage", "{token}", "Number of input and output tokens", TOKEN_BOUNDS)
        self._first = make(FIRST_TOKEN.name, FIRST_TOKEN.unit, FIRST_TOKEN.text, FIRST_TOKEN_BOUNDS_S)
        self._per_token = make(PER_TOKEN.name, PER_TOKEN.unit, PER_TOKEN.text, PER_TOKEN_BOUNDS_S)

    def record(self, row: Row) -> None:
        """Record one answer."""
        attributes, failure = self._attributes, _failure(row)
        ended = attributes if failure is None else attributes | {"error.type": failure}
        self._duration.record(row.latency_us / 1e6, ended)
        if row.prompt_tokens is not None:
            self._usage.record(row.prompt_tokens, self._input)
        if row.completion_tokens is not None:
            self._usage.record(row.completion_tokens, self._output)
        if row.first_byte_us is None:
            return
        self._first.record(row.first_byte_us / 1e6, attributes)
        if row.error is None and row.completion_tokens is not None and row.completion_tokens > 1:
            after_us = (row.latency_us - row.first_byte_us) / (row.completion_tokens - 1)
            self._per_token.record(after_us / 1e6, attributes)


def _failure(row: Row) -> str | None:
    """Return the class of an error, or else the status if it is not 2xx. None: the request succeeded."""
    return row.error or (None if 200 <= row.status < 300 else str(row.status))


def _attributes(row: Row) -> Attributes:
    """Return the attributes of one request. Those that are not known are left out."""
    known: dict[str, str | int | float | None] = {
        "http.response.status_code": row.status or None,
        "error.type": _failure(row),
        "gen_ai.usage.input_tokens": row.prompt_tokens,
        "gen_ai.usage.output_tokens": row.completion_tokens,
        "tripcurve.origin": row.origin,
        "tripcurve.backend": row.backend,
        "tripcurve.phase": row.phase,
        "tripcurve.user": row.user,
        "tripcurve.late_s": (row.start_ns - row.intended_ns) / 1e9,
        "tripcurve.first_token_s": None if row.first_byte_us is None else row.first_byte_us / 1e6,
        "tripcurve.retry_after_s": row.retry_after_s,
    }
    return {name: value for name, value in known.items() if value is not None}
