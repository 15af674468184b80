"""Export the figures of a run under way: to Prometheus, and with OpenTelemetry.

`metrics` defines the metrics. `figures` reads their values from the live figures, which every run keeps; so exporters
cost nothing per request. `answers` exports single answers, only with `--otel`.
"""
