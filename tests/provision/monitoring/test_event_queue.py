"""The storage queue of breaker events: all is received, only what is wanted is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from provision.lifecycle.azure_errors import explained
from provision.monitoring.event_queue import MOST, Message, drain
from tests.provision.labs import mock_lab
from tests.provision.monitoring.conftest import Recorded, event, queue_of, service_id, write_lines
from tripcurve.errors import BadInput, TripcurveError

LAB = mock_lab(events=True)
MINE = service_id(LAB.resource_group, LAB.gateway.name)
THEIRS = service_id(LAB.resource_group, "other")


def kept(recorded: Recorded, url: str, kind: str = "Opened") -> list[dict[str, Any] | None]:
    """The events of one kind, which are deleted from the queue."""
    found: list[Message] = []
    drain(recorded.cloud, url, lambda message: str((message.event or {}).get("eventType")).endswith(kind), found.extend)
    return [message.event for message in found]


@pytest.fixture
def short_sighted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request for messages, which does not hide them."""
    monkeypatch.setattr("provision.monitoring.event_queue.HIDDEN_S", 0)
    monkeypatch.setattr("provision.monitoring.event_queue.HIDING_PLACES", 1)


def test_every_message_is_received_once_as_azure_would_deliver_it(recorded: Recorded) -> None:
    url = queue_of(recorded, LAB)
    published = [event(MINE, number=number) for number in range(3 * MOST + 1)]
    write_lines(recorded.events, published)
    found = kept(recorded, url)
    assert [each and each["id"] for each in found] == [each["id"] for each in published]
    assert all(each is not None and "local" not in each["data"] for each in found)
    assert kept(recorded, url) == []


def test_only_events_that_a_subscription_names_are_delivered(recorded: Recorded) -> None:
    url = queue_of(recorded, LAB)
    write_lines(recorded.events, [event(THEIRS), event(MINE, kind="Renamed", number=1), event(MINE, number=2)])
    assert [each and each["id"] for each in kept(recorded, url, "")] == ["Opened-2"]


@pytest.mark.usefixtures("short_sighted")
def test_other_messages_are_not_deleted(recorded: Recorded) -> None:
    url = queue_of(recorded, LAB)
    write_lines(recorded.events, [event(MINE), event(MINE, kind="Closed", number=1)])
    assert len(kept(recorded, url, "Opened")) == 1
    assert [each and each["id"] for each in kept(recorded, url, "Closed")] == ["Closed-1"]


@pytest.mark.usefixtures("short_sighted")
def test_nothing_is_deleted_if_the_messages_could_not_be_kept(recorded: Recorded) -> None:
    url = queue_of(recorded, LAB)
    write_lines(recorded.events, [event(MINE)])

    def full(messages: list[Message]) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        drain(recorded.cloud, url, lambda message: True, full)
    assert len(kept(recorded, url)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://a.queue.core.windows.net/q",
        "https://a.queue.core.windows.net",
        "https://a.queue.core.windows.net/q?sig=SECRET",
        "q",
    ],
)
def test_an_address_that_is_no_queue_is_refused_without_its_signature(url: str, recorded: Recorded) -> None:
    with pytest.raises(BadInput, match="give the queue's URL") as said:
        drain(recorded.cloud, url, lambda message: True, lambda messages: None)
    assert "SECRET" not in str(said.value)


def test_a_queue_that_does_not_exist_is_explained(recorded: Recorded) -> None:
    url = f"{recorded.cloud.management_url}/_local/queues/tripcurve0/breaker-events"
    with pytest.raises(TripcurveError, match="refused"), explained(recorded.cloud):
        drain(recorded.cloud, url, lambda _: True, lambda _: None)
