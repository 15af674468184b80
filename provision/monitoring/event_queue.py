"""Drains the breaker's events from a storage queue, to which an Event Grid subscription delivers them [D-EG].

Each message's text is one event, as JSON or as JSON in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from provision.monitoring.clients import open_client, sent
from provision.resources.clouds import Cloud
from tripcurve.errors import BadInput

if TYPE_CHECKING:
    from provision.monitoring.clients import Client

__all__ = ["Message", "drain"]

SCOPE = "https://storage.azure.com/.default"
API_VERSION = "2024-08-04"
MOST = 32
"""The most messages that one request returns."""

HIDDEN_S = 300
"""Seconds for which received messages are hidden from others: long enough to write and delete them."""

HIDING_PLACES = 10_000
"""Requests after which the queue counts as endless."""


@dataclass(frozen=True)
class Message:
    """One message of the queue. `event` is None if its text is not a JSON object."""

    id: str
    receipt: str = field(repr=False)
    event: dict[str, object] | None


def drain(cloud: Cloud, url: str, wanted: Callable[[Message], bool], keep: Callable[[list[Message]], None]) -> int:
    """Receive all messages, hand those that are wanted to `keep`, then delete these, and return their number.

    Other messages become visible again after HIDDEN_S. Nothing is deleted if `keep` raises. `url`: the queue's, such
    as `https://ACCOUNT.queue.core.windows.net/QUEUE`. Raises BadInput for another URL, and the SDK's errors.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or not parts.path.strip("/") or parts.query:
        raise BadInput(f"--queue {parts.scheme}://{parts.hostname}{parts.path}: give the queue's URL, such as "
                       "https://ACCOUNT.queue.core.windows.net/QUEUE, without a signature")  # fmt: skip
    path = parts.path.rstrip("/")
    with open_client(cloud, f"https://{parts.netloc}", SCOPE) as client:
        found = [message for message in _received(client, path) if wanted(message)]
        keep(found)
        for message in found:
            place = f"{path}/messages/{quote(message.id, safe='')}?popreceipt={quote(message.receipt, safe='')}"
            _send(client, "DELETE", place)
    return len(found)


def _received(client: Client, path: str) -> list[Message]:
    """Return every message that is visible now; each is hidden for a while."""
    found: list[Message] = []
    for _ in range(HIDING_PLACES):
        batch = _parsed(_send(client, "GET", f"{path}/messages?numofmessages={MOST}&visibilitytimeout={HIDDEN_S}"))
        if not batch:
            break
        found += batch
    return found


def _send(client: Client, method: str, path: str) -> bytes:
    from azure.core.rest import HttpRequest

    request = HttpRequest(method, client.format_url(path), headers={"x-ms-version": API_VERSION})
    return sent(client, request, "Storage Queue Data Message Processor").content


def _parsed(content: bytes) -> list[Message]:
    """Return the messages of a `QueueMessagesList`. Raises BadInput if the answer is not one."""
    from lxml import etree

    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        raise BadInput("the address of --queue does not answer as a storage queue; check the URL") from None
    return [
        Message(
            item.findtext("MessageId") or "",
            item.findtext("PopReceipt") or "",
            _event(item.findtext("MessageText") or ""),
        )
        for item in root.iter("QueueMessage")
    ]


def _event(text: str) -> dict[str, object] | None:
    for candidate in (text, _from_base64(text)):
        try:
            content = json.loads(candidate or "")
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            return content
    return None


def _from_base64(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
