"""Breaker events in Event Grid's schema, there and back."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.breaker import Closed, Opened
from tripcurve.breaker.events import (
    Anchor,
    Source,
    format_timespan,
    parse_event,
    parse_timespan,
    read_events,
    render_event,
)
from tripcurve.errors import BadInput

ANCHOR = Anchor(unix_ns=1_764_072_000_123_456_789, monotonic_ns=500_000_000_000)
SOURCE = Source("/subscriptions/s/providers/Microsoft.ApiManagement/service/apim", "mock1", "myRule", 1)
OPENED = Opened(501.0, 501.0, 561.0, 60.0, 3)
CLOSED = Closed(561.0, 561.5, 561.0, 60.0)


def line(event: Opened | Closed = OPENED) -> str:
    return json.dumps(render_event(event, ANCHOR, SOURCE))


def test_an_opened_event_has_azures_shape() -> None:
    event = render_event(OPENED, ANCHOR, SOURCE)
    assert str(uuid.UUID(event.pop("id")))
    assert event == {
        "topic": SOURCE.topic,
        "subject": "/backends/mock1/circuit-breaker/rules/myRule",
        "eventType": "Microsoft.ApiManagement.CircuitBreaker.Opened",
        "eventTime": "2025-11-25T12:00:01.123456789Z",
        "data": {
            "backendName": "mock1",
            "circuitBreaker": {"rules": {"myRule": {"tripDuration": "00:01:00"}}},
            "local": {
                "unit": 1,
                "at_ns": 1_764_072_001_123_456_789,
                "noticed_ns": 1_764_072_001_123_456_789,
                "trip_duration_s": 60.0,
                "open_until_ns": 1_764_072_061_123_456_789,
                "failures": 3,
            },
        },
        "dataVersion": "1",
        "metadataVersion": "1",
    }


def test_a_closed_event_has_the_deadline_and_separately_when_it_was_noticed() -> None:
    event = render_event(CLOSED, ANCHOR, SOURCE)
    assert event["eventType"].endswith(".Closed")
    assert event["eventTime"] == "2025-11-25T12:01:01.123456789Z"
    assert event["data"]["local"]["noticed_ns"] - event["data"]["local"]["at_ns"] == 500_000_000


def test_a_closed_event_that_waited_for_a_request_has_that_instant() -> None:
    event = render_event(CLOSED._replace(fired_at=561.5), ANCHOR, SOURCE)
    assert event["eventTime"] == "2025-11-25T12:01:01.623456789Z"
    assert event["data"]["local"]["at_ns"] == 1_764_072_061_123_456_789


def test_every_event_has_an_id_of_its_own() -> None:
    other_unit = render_event(OPENED, ANCHOR, SOURCE._replace(unit=2))
    ids = {render_event(OPENED, ANCHOR, SOURCE)["id"], render_event(CLOSED, ANCHOR, SOURCE)["id"], other_unit["id"]}
    assert len(ids) == 3


def test_an_event_is_read_back_as_written() -> None:
    event = parse_event(line())
    assert event is not None
    assert (event.kind, event.backend, event.rule, event.unit) == ("opened", "mock1", "myRule", 1)
    assert (event.at_ns, event.noticed_ns) == (1_764_072_001_123_456_789,) * 2
    assert (event.failures, event.trip_duration_s) == (3, 60.0)
    assert event.open_until_ns == 1_764_072_061_123_456_789


def test_an_event_from_azure_itself_is_read_without_our_extra_fields() -> None:
    content = json.loads(line(CLOSED))
    del content["data"]["local"]
    event = parse_event(json.dumps(content))
    assert event is not None
    assert (event.kind, event.at_ns, event.trip_duration_s) == ("closed", 1_764_072_061_123_456_789, 60.0)
    assert (event.unit, event.noticed_ns, event.failures, event.open_until_ns) == (None, None, None, None)


@pytest.mark.parametrize("fraction", ["", ".5", ".1234567"])
def test_azures_shorter_fractions_are_read(fraction: str) -> None:
    content = json.loads(line(CLOSED))
    del content["data"]["local"]
    content["eventTime"] = f"2025-11-25T12:00:00{fraction}Z"
    event = parse_event(json.dumps(content))
    assert event is not None
    expected = round(float(f"0{fraction or '.0'}") * 1e9)
    assert event.at_ns == 1_764_072_000_000_000_000 + expected


@pytest.mark.parametrize(
    "text", ['{"eventType": "Microsoft.ApiManagement.APICreated", "data": {}}', "{}", "[]", "7", "", line()[:40]]
)
def test_lines_that_are_not_breaker_events_are_skipped(text: str) -> None:
    assert parse_event(text) is None


def test_a_file_may_end_in_a_line_cut_short() -> None:
    assert [event.kind for event in read_events([line(), "\n", line(CLOSED), line()[:40]])] == ["opened", "closed"]


def test_a_broken_line_elsewhere_is_refused_with_its_place() -> None:
    with pytest.raises(BadInput, match="line 2 is not JSON"):
        list(read_events([line(), line()[:40], line(CLOSED)]))


@pytest.mark.parametrize("missing", ["data", "eventTime"])
def test_a_breaker_event_without_its_fields_is_refused(missing: str) -> None:
    content = json.loads(line())
    del content[missing]
    content.get("data", {}).pop("local", None)
    with pytest.raises(BadInput, match=missing):
        parse_event(json.dumps(content))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00:00"),
        (1, "00:00:01"),
        (60, "00:01:00"),
        (3_661, "01:01:01"),
        (86_400, "1.00:00:00"),
        (2.5, "00:00:02.5000000"),
        (59.99999999, "00:01:00"),
    ],
)
def test_a_time_span_is_written_as_dotnet_does(seconds: float, text: str) -> None:
    assert format_timespan(seconds) == text
    assert parse_timespan(text) == pytest.approx(seconds)


@given(st.integers(0, 10**9))
def test_an_instant_survives_the_conversion_to_unix_nanoseconds(microseconds: int) -> None:
    seconds = 500.0 + microseconds / 1e6
    assert abs(ANCHOR.unix(seconds) - ANCHOR.unix_ns - microseconds * 1000) <= 1


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)


@given(json_values)
def test_no_other_json_is_read_as_an_event(content: Any) -> None:
    assert parse_event(json.dumps(content)) is None
