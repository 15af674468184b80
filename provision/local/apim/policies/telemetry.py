"""Telemetry: the data that Azure would store is logged instead, for the run to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from provision.local.apim.context import PolicyContext
from provision.local.apim.policies.elements import ANYWHERE, Attribute, Child, Element
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step, reads_of
from provision.local.apim.policies.usage import Usage, watch_usage
from provision.local.apim.policies.values import Value, as_text

__all__ = ["DEFAULT_DIMENSIONS", "POLICIES"]

EVENT_BYTES = 200 * 1024
"""The most bytes of an event hub message, which is cut off there [PR-log-to-eventhub]."""
MAX_DIMENSIONS = 10
"""The most dimensions. The policy's page says five of one's own, but well-known gateways deploy more."""

MESSAGE = Element("message", text="expression")
METADATA = Element("metadata", (Attribute("name", required=True), Attribute("value", required=True, expression=True)))
TRACE = Element(
    "trace",
    (Attribute("source", required=True), Attribute("severity", choices=("verbose", "information", "error"))),
    (Child(MESSAGE), Child(METADATA, most=None)),
    text="expression",
)
DIMENSION = Element("dimension", (Attribute("name", required=True), Attribute("value", expression=True)))
EMIT_METRIC = Element(
    "emit-metric",
    (
        Attribute("name", required=True, expression=True),
        Attribute("value", "number", expression=True),
        Attribute("namespace", expression=True),
    ),
    (Child(DIMENSION, 1, MAX_DIMENSIONS),),
)
EVENT_HUB = Element(
    "log-to-eventhub",
    (
        Attribute("logger-id", required=True, expression=True),
        Attribute("partition-id"),
        Attribute("partition-key", expression=True),
    ),
    text="expression",
)

DEFAULT_DIMENSIONS: dict[str, Callable[[PolicyContext], str]] = {
    "API ID": lambda context: context.api.id,
    "Operation ID": lambda context: context.operation.id,
    "Product ID": lambda context: "" if context.product is None else context.product.id,
    "User ID": lambda context: "" if context.user is None else context.user.id,
    "Subscription ID": lambda context: "" if context.subscription is None else context.subscription.id,
    "Location": lambda context: context.deployment.region,
    "Gateway ID": lambda context: context.deployment.gateway_id,
    "Backend ID": lambda context: "" if context.backend is None else context.backend.id,
    "Client IP address": lambda context: context.request.ip_address,
}
"""Dimensions that need no value [PR-emit-token-metric]."""
_DEFAULTS = {name.lower(): read for name, read in DEFAULT_DIMENSIONS.items()}


def _token_metric(name: str) -> Element:
    return Element(name, (Attribute("namespace", expression=True),), (Child(DIMENSION, 0, MAX_DIMENSIONS),))


class Trace(Step):
    def __init__(self, parsed: Parsed) -> None:
        message = parsed.first("message")
        self._message = parsed.text if message is None else message.text
        self._source, self._severity = parsed.literal("source"), parsed.literal("severity", "verbose")
        self._metadata = [(child.literal("name"), child.required("value")) for child in parsed.named("metadata")]
        super().__init__(parsed, self._message, *(value for _, value in self._metadata))

    def apply(self, run: Run) -> None:
        context = run.context
        record: dict[str, object] = {
            "source": self._source,
            "severity": self._severity,
            "message": "" if self._message is None else as_text(self._message.get(context)),
            "metadata": {name: as_text(value.get(context)) for name, value in self._metadata},
        }
        context.traces.append(record)
        run.services.record("trace", record)


class Dimensions:
    """The dimensions of a metric: stated, or known by their name."""

    def __init__(self, children: Iterable[Parsed]) -> None:
        self._read: list[tuple[str, Callable[[PolicyContext], object]]] = []
        values: list[Value] = []
        for child in children:
            name, value = child.literal("name"), child.value("value")
            read = _DEFAULTS.get(name.lower()) if value is None else value.get
            if read is None:
                known = ", ".join(DEFAULT_DIMENSIONS)
                raise child.node.error(f"The dimension '{name}' needs a value; only these do not: {known}.")
            self._read.append((name, read))
            values += [] if value is None else [value]
        self.reads = reads_of(values)

    def get(self, context: PolicyContext) -> dict[str, object]:
        return {name: as_text(read(context)) for name, read in self._read}


class EmitMetric(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._metric, self._value = parsed.required("name"), parsed.value("value")
        self._namespace = parsed.value("namespace")
        self._dimensions = Dimensions(parsed.named("dimension"))
        super().__init__(parsed, self._metric, self._value, self._namespace)
        self.reads |= self._dimensions.reads

    def apply(self, run: Run) -> None:
        context = run.context
        record: dict[str, object] = {
            "name": as_text(self._metric.get(context)),
            "namespace": "API Management" if self._namespace is None else as_text(self._namespace.get(context)),
            "value": 1 if self._value is None else self._value.get(context),
            "dimensions": self._dimensions.get(context),
        }
        run.services.record("metric", record)


class EmitTokenMetric(Step):
    """Records prompt, completion and total tokens of each call once its answer is complete."""

    def __init__(self, parsed: Parsed) -> None:
        self._namespace = parsed.value("namespace")
        self._dimensions = Dimensions(parsed.named("dimension"))
        super().__init__(parsed, self._namespace)
        self.reads |= self._dimensions.reads | {"request.body"}

    def apply(self, run: Run) -> None:
        context, services = run.context, run.services
        dimensions = self._dimensions.get(context)
        namespace = "API Management" if self._namespace is None else as_text(self._namespace.get(context))

        def done(usage: Usage) -> None:
            counts = (("Prompt", usage.prompt), ("Completion", usage.completion), ("Total", usage.total))
            for kind, value in counts:
                record: dict[str, object] = {"name": f"{kind} Tokens", "namespace": namespace, "value": value}
                services.record("metric", {**record, "dimensions": dimensions, "estimated": usage.estimated})

        watch_usage(run, done)


class LogToEventHub(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._logger, self._key = parsed.required("logger-id"), parsed.value("partition-key")
        self._partition, self._text = parsed.literal("partition-id") or None, parsed.text
        super().__init__(parsed, self._logger, self._key, self._text)
        if self._partition is not None and self._key is not None:
            raise parsed.node.error("Only one of 'partition-id' and 'partition-key' may be specified.")

    def apply(self, run: Run) -> None:
        context = run.context
        text = b"" if self._text is None else as_text(self._text.get(context)).encode()
        record: dict[str, object] = {
            "logger_id": as_text(self._logger.get(context)),
            "partition": self._partition if self._key is None else as_text(self._key.get(context)),
            "value": text[:EVENT_BYTES].decode(errors="replace"),
        }
        run.services.record("event", record)


INBOUND = frozenset({"inbound"})
_FACT = "PR-emit-token-metric"
POLICIES = (
    Policy(TRACE, ANYWHERE, "PR-trace", Trace, "recorded"),
    Policy(EMIT_METRIC, ANYWHERE, "PR-emit-metric", EmitMetric, "recorded"),
    Policy(_token_metric("llm-emit-token-metric"), INBOUND, _FACT, EmitTokenMetric, "recorded"),
    Policy(_token_metric("azure-openai-emit-token-metric"), INBOUND, _FACT, EmitTokenMetric, "recorded"),
    Policy(EVENT_HUB, ANYWHERE, "PR-log-to-eventhub", LogToEventHub, "recorded"),
)
