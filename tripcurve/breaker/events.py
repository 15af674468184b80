"""Write and read the breaker's events in Event Grid's schema.

Names and data are those of Azure API Management's preview events `CircuitBreaker.Opened` and `.Closed` [D-EG].
`data.local` is our addition, with the exact instants and the unit.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Literal, NamedTuple

from tripcurve.breaker.breaker import Closed, Opened
from tripcurve.errors import BadInput

__all__ = [
    "TYPE_PREFIX",
    "Anchor",
    "BreakerEvent",
    "Source",
    "event_of",
    "format_instant",
    "format_timespan",
    "parse_event",
    "read_events",
    "render_event",
    "render_recorded",
]

TYPE_PREFIX = "Microsoft.ApiManagement.CircuitBreaker."
_KINDS: dict[str, Literal["opened", "closed"]] = {
    "Microsoft.ApiManagement.CircuitBreaker.Opened": "opened",
    "Microsoft.ApiManagement.CircuitBreaker.Closed": "closed",
    "Microsoft.ApiManagement.Gateway.CircuitBreakerOpened": "opened",
    "Microsoft.ApiManagement.Gateway.CircuitBreakerClosed": "closed",
}
"""The types in the schema's reference, and the other spelling in the feature's announcement."""
_NAMESPACE = uuid.UUID("c0b1d1f4-5f0e-4c3e-9a57-6a5c1d1a2f10")


class Anchor(NamedTuple):
    """One instant on both the wall clock and the monotonic clock, taken once per process to label events."""

    unix_ns: int
    monotonic_ns: int

    def unix(self, seconds: float) -> int:
        """Return the unix nanoseconds of an instant in seconds on the monotonic clock."""
        return self.unix_ns - self.monotonic_ns + round(seconds * 1e9)


class Source(NamedTuple):
    """The breaker that an event comes from. `topic` is the resource id of the API Management service."""

    topic: str
    backend: str
    rule: str
    unit: int


@dataclass(frozen=True, slots=True)
class BreakerEvent:
    """An event read back. A field is None if the event does not have it: Azure's own have no `data.local`."""

    kind: Literal["opened", "closed"]
    backend: str
    rule: str
    unit: int | None
    at_ns: int
    noticed_ns: int | None
    open_until_ns: int | None
    failures: int | None
    trip_duration_s: float | None
    half_width_ns: int = 0
    """How far `at_ns` can be off; 0 if the local gateway itself recorded it."""


def render_event(event: Opened | Closed, anchor: Anchor, source: Source) -> dict[str, Any]:
    """Return the event as a JSON object of Event Grid's schema. The same event always has the same id."""
    kind = type(event).__name__
    local: dict[str, Any] = {
        "unit": source.unit,
        "at_ns": anchor.unix(event.at),
        "noticed_ns": anchor.unix(event.noticed_at),
        "trip_duration_s": event.trip_duration_s,
    }
    if isinstance(event, Opened):
        local |= {"open_until_ns": anchor.unix(event.until), "failures": event.failures}
    subject = f"/backends/{source.backend}/circuit-breaker/rules/{source.rule}"
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{source.topic}{subject}/{kind}/{source.unit}/{local['at_ns']}")),
        "topic": source.topic,
        "subject": subject,
        "eventType": TYPE_PREFIX + kind,
        "eventTime": format_instant(anchor.unix(event.at if isinstance(event, Opened) else event.fired_at)),
        "data": {
            "backendName": source.backend,
            "circuitBreaker": {"rules": {source.rule: {"tripDuration": format_timespan(event.trip_duration_s)}}},
            "local": local,
        },
        "dataVersion": "1",
        "metadataVersion": "1",
    }


def render_recorded(event: BreakerEvent, record: str) -> dict[str, object]:
    """Return an event that was read from another program's record, as a JSON object that `event_of` reads back.

    `record` names the program's record. Fields that are None are left out.
    """
    local: dict[str, object] = {"at_ns": event.at_ns, "half_width_ns": event.half_width_ns, "source": record}
    optional = {"unit": event.unit, "open_until_ns": event.open_until_ns, "failures": event.failures}
    timespan = format_timespan(event.trip_duration_s or 0.0)
    return {
        "subject": f"/backends/{event.backend}/circuit-breaker/rules/{event.rule}",
        "eventType": TYPE_PREFIX + event.kind.capitalize(),
        "eventTime": format_instant(event.at_ns),
        "data": {
            "backendName": event.backend,
            "circuitBreaker": {"rules": {event.rule: {"tripDuration": timespan}}},
            "local": local | {name: value for name, value in optional.items() if value is not None},
        },
    }


def parse_event(line: str | bytes) -> BreakerEvent | None:
    """Return the breaker event on a line; None for other events, and for text that is not a whole JSON object.

    Raises BadInput for a breaker event that lacks what its schema requires.
    """
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return event_of(content)


def read_events(lines: Iterable[str]) -> Iterator[BreakerEvent]:
    """Yield the breaker events of a file in their order. A last line that a killed process left incomplete is skipped.

    Raises BadInput naming any other line that is not JSON, and as `parse_event` does.
    """
    broken: int | None = None
    for number, line in enumerate(lines, 1):
        if broken is not None:
            raise BadInput(f"gateway-events.jsonl: line {broken} is not JSON")
        if not line.strip():
            continue
        try:
            event = event_of(json.loads(line))
        except ValueError:
            broken = number
            continue
        if event is not None:
            yield event


def event_of(content: Any) -> BreakerEvent | None:
    """Return the breaker event that a JSON value is, in Event Grid's schema or as a CloudEvent; None for anything else.

    Raises BadInput for a breaker event that lacks what its schema requires.
    """
    if not isinstance(content, dict):
        return None
    name = str(content.get("eventType") or content.get("type") or "")
    kind = _KINDS.get(name)
    if kind is None:
        return None
    try:
        return _breaker_event(kind, content)
    except KeyError as error:
        raise BadInput(f"event of type {name}: {error.args[0]} is missing") from None
    except (TypeError, ValueError, AttributeError, StopIteration) as error:
        raise BadInput(f"event of type {name} is not in Event Grid's schema: {error}") from None


def _breaker_event(kind: Literal["opened", "closed"], content: dict[str, Any]) -> BreakerEvent:
    data = content["data"]
    rule, settings = next(iter(data["circuitBreaker"]["rules"].items()))
    local = data.get("local", {})
    duration = local.get("trip_duration_s")
    at_ns = _whole(local, "at_ns")
    if not isinstance(data["backendName"], str):
        raise TypeError("backendName is not text")
    if not isinstance(duration, float | int | None) or not isfinite(duration or 0):
        raise TypeError("trip_duration_s is not a number of seconds")
    return BreakerEvent(
        kind=kind,
        backend=data["backendName"],
        rule=rule,
        unit=_whole(local, "unit"),
        at_ns=_unix_ns(content["time" if "type" in content else "eventTime"]) if at_ns is None else at_ns,
        noticed_ns=_whole(local, "noticed_ns"),
        open_until_ns=_whole(local, "open_until_ns"),
        failures=_whole(local, "failures"),
        trip_duration_s=parse_timespan(settings["tripDuration"]) if duration is None else duration,
        half_width_ns=abs(_whole(local, "half_width_ns") or 0),
    )


def _whole(local: dict[str, Any], name: str) -> int | None:
    """Return a whole number that fits into 64 bits, or None if absent. Raises TypeError for anything else."""
    value = local.get(name)
    if value is not None and (type(value) is not int or abs(value) >= 2**62):
        raise TypeError(f"{name} is not a whole number")
    return value


def format_timespan(seconds: float) -> str:
    """Return a time span in .NET's constant form: `hh:mm:ss`, with `d.` before and `.fffffff` after if needed."""
    whole, ticks = divmod(round(seconds * 10_000_000), 10_000_000)
    minutes, secs = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{ticks:07d}" if ticks else ""
    return (f"{days}." if days else "") + f"{hours:02d}:{minutes:02d}:{secs:02d}" + fraction


def parse_timespan(text: str) -> float:
    """Return the seconds of a time span in .NET's constant form. Raises ValueError for any other form."""
    hours, minutes, seconds = text.split(":")
    days, dot, rest = hours.partition(".")
    whole = int(days) * 86_400 + int(rest) * 3600 if dot else int(hours) * 3600
    return whole + int(minutes) * 60 + float(seconds)


def format_instant(unix_ns: int) -> str:
    """Return unix nanoseconds as an ISO 8601 time in UTC with nine digits of a second."""
    seconds, nanoseconds = divmod(unix_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _unix_ns(text: str) -> int:
    """Return the unix nanoseconds of an ISO 8601 UTC time, which datetime alone would cut to microseconds."""
    head, _, fraction = text.removesuffix("Z").removesuffix("+00:00").partition(".")
    moment = datetime.fromisoformat(head).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))
