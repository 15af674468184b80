"""Serves what Azure records of a gateway: its log as Log Analytics does, its breaker events as a storage queue does.

The log answers the one form of query that Tripcurve sends. The queue has the events that the gateways published, as
Event Grid delivers them: without the exact instants that only the local cloud knows.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import web

from provision.local.arm.call import Json
from provision.local.arm.eventing import subscribed
from provision.local.arm.world import World
from provision.local.identity.endpoints import Identity
from provision.local.identity.tokens import TokenRefused

__all__ = ["LARGEST_ANSWER", "Monitoring"]

LARGEST_ANSWER = 500_000
"""Rows of one answer of Log Analytics; further ones are left out, and the answer says so."""

_QUERY = re.compile(
    r"ApiManagementGatewayLogs \| where TimeGenerated >= datetime\((\S+)\) and TimeGenerated < datetime\((\S+)\) "
    r"\| project (\w+(?:, \w+)*)"
)


class Monitoring:
    """The handlers. `logs` and `events`: the files that the gateways write. `clock` returns unix seconds."""

    def __init__(
        self,
        identity: Identity,
        world: World,
        logs: Path,
        events: Path,
        clock: Callable[[], float] = time.time,
        largest_answer: int = LARGEST_ANSWER,
    ) -> None:
        self._identity = identity
        self._world = world
        self._logs = logs
        self._events = events
        self._clock = clock
        self._largest_answer = largest_answer
        self._deleted: set[str] = set()
        self._hidden_until: dict[str, float] = {}

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/v1/{resource:subscriptions/.+}/query", self.query)
        app.router.add_get("/_local/queues/{account}/{queue}/messages", self.receive)
        app.router.add_delete("/_local/queues/{account}/{queue}/messages/{id}", self.delete)

    async def query(self, request: web.Request) -> web.Response:
        """Answer a query of one gateway's log. Answers 400 for a query of another form."""
        if (refused := self._refused(request)) is not None:
            return refused
        asked = _asked(await request.read())
        if asked is None:
            return _error(400, "BadArgumentError", "The request had some invalid properties: this query is not known.")
        begin, end, columns = asked
        resource = f"/{request.match_info['resource']}".lower()
        rows = [
            [record.get(column) for column in columns]
            for record in _lines(self._logs)
            if record.get("Type") == "ApiManagementGatewayLogs"
            and str(record.get("_ResourceId")).lower() == resource
            and begin <= datetime.fromisoformat(str(record["TimeGenerated"])) < end
        ]
        kept = rows[: self._largest_answer]
        shown: Json = {"name": "PrimaryResult", "columns": [{"name": name, "type": "dynamic"} for name in columns]}
        answer: Json = {"tables": [{**shown, "rows": kept}]}
        if len(kept) < len(rows):
            answer["error"] = {"code": "PartialError", "message": "There were some errors when processing your query."}
        return web.json_response(answer)

    async def receive(self, request: web.Request) -> web.Response:
        """Answer with visible messages, and hide them for `visibilitytimeout` seconds."""
        if (refused := self._refused(request)) is not None:
            return refused
        most, hide_s = _number(request, "numofmessages", 1), _number(request, "visibilitytimeout", 30)
        subscriptions = subscribed(self._world, request.match_info["account"], request.match_info["queue"])
        if subscriptions is None:
            return web.Response(status=404, text="<Error><Code>QueueNotFound</Code></Error>")
        now = self._clock()
        visible = [
            (name, event) for name, event in self._published(subscriptions) if self._hidden_until.get(name, 0) <= now
        ]
        self._hidden_until |= {name: now + hide_s for name, _ in visible[:most]}
        items = "".join(_message(name, event, now + hide_s) for name, event in visible[:most])
        text = f'<?xml version="1.0" encoding="utf-8"?><QueueMessagesList>{items}</QueueMessagesList>'
        return web.Response(text=text, content_type="application/xml")

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a message that was received. Answers 404 for an unknown one or a wrong receipt."""
        if (refused := self._refused(request)) is not None:
            return refused
        name = request.match_info["id"]
        if name not in self._hidden_until or request.query.get("popreceipt") != _receipt(name):
            return web.Response(status=404, text="<Error><Code>MessageNotFound</Code></Error>")
        self._deleted.add(name)
        return web.Response(status=204)

    def _published(self, subscriptions: list[tuple[str, list[str]]]) -> Iterator[tuple[str, Json]]:
        """Yield the id and event of each message that is not deleted, in the order of publication."""
        for event in _lines(self._events):
            name = str(event.get("id"))
            topic, kind = str(event.get("topic")).lower(), event.get("eventType")
            wanted = any(topic == scope.lower() and (not types or kind in types) for scope, types in subscriptions)
            if wanted and name not in self._deleted:
                data = {key: value for key, value in event["data"].items() if key != "local"}
                yield name, {**event, "data": data}

    def _refused(self, request: web.Request) -> web.Response | None:
        """Return the 401 for a request without a token of this tenant, or the 403 for a sign-in without a role."""
        try:
            caller = self._identity.caller(request.headers.get("authorization"))
        except TokenRefused as refusal:
            return _error(401, "AuthorizationRequiredError", str(refusal))
        if caller is None or not caller.role:
            return _error(403, "InsufficientAccessError", "The provided credentials have insufficient access.")
        return None


def _asked(body: bytes) -> tuple[datetime, datetime, list[str]] | None:
    """Return begin, end and columns of a query; None if it is of another form."""
    try:
        content = json.loads(body)
        asked = _QUERY.fullmatch(content["query"])
        if asked is None:
            return None
        return datetime.fromisoformat(asked[1]), datetime.fromisoformat(asked[2]), asked[3].split(", ")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _lines(path: Path) -> Iterator[Json]:
    """Yield the whole lines of a JSON Lines file that may still be written."""
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _message(name: str, event: Json, visible_at: float) -> str:
    text = base64.b64encode(json.dumps(event).encode()).decode()
    when = f"{datetime.fromtimestamp(visible_at, UTC):%a, %d %b %Y %H:%M:%S GMT}"
    return (
        f"<QueueMessage><MessageId>{escape(name)}</MessageId><PopReceipt>{_receipt(name)}</PopReceipt>"
        f"<TimeNextVisible>{when}</TimeNextVisible><DequeueCount>1</DequeueCount>"
        f"<MessageText>{text}</MessageText></QueueMessage>"
    )


def _receipt(name: str) -> str:
    return base64.b64encode(f"receipt {name}".encode()).decode()


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    return int(text) if text.isdigit() and len(text) < 7 else default


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
