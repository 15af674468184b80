"""A local cloud in a thread of the test process, with children that only write down what they are told."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from provision.local.cloud import LocalCloud
from provision.local.processes import Commands

CHILD = Path(__file__).parent / "child.py"
ANSWERING = Path(__file__).parent / "answering.py"


@dataclass
class Running:
    """A running control plane: how to reach it, and what its gateways were told."""

    connection: dict[str, Any]
    record: Path
    mock_record: Path

    @property
    def url(self) -> str:
        return str(self.connection["management_url"])

    def told(self) -> list[dict[str, Any]]:
        """Every snapshot any gateway unit got, in order."""
        return _lines(self.record)

    def mock_told(self) -> list[dict[str, Any]]:
        return _lines(self.mock_record)

    def admin(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A call of the local cloud's own API, as its owner."""
        return self.call(method, f"/_local/{path}", body, self.owner())

    def owner(self) -> dict[str, str]:
        """The owner's credential as a header, as `curl -u` sends it."""
        pair = f"{self.connection['client_id']}:{self.connection['client_secret']}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """A plain HTTPS call without the SDK; the answer's status and JSON (None without a body)."""
        return self.send(method, path, None if body is None else json.dumps(body).encode(), headers)

    def send(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """As `call`, with the body's bytes."""
        request = urllib.request.Request(self.url + path, data, headers or {}, method=method)  # noqa: S310  # https
        context = ssl.create_default_context(cafile=self.connection["ca_file"])
        try:
            with urllib.request.urlopen(request, context=context) as response:  # noqa: S310  # https, loopback
                return response.status, _parsed(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read())


def _parsed(raw: bytes) -> Any:
    return json.loads(raw) if raw else None


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@contextmanager
def running_cloud(folder: Path, fault: str = "", unit: Path = CHILD) -> Iterator[Running]:
    """A cloud while the block lasts. `unit` is its gateways' script, `fault` what goes wrong in each of them."""
    folder.mkdir(parents=True, exist_ok=True)
    record, mock_record = folder / "gateway-told.jsonl", folder / "mock-told.jsonl"
    commands = Commands(
        mock=(sys.executable, str(CHILD), str(mock_record)),
        gateway=(sys.executable, str(unit), str(record), fault),
    )
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="local cloud")
    thread.start()
    cloud = asyncio.run_coroutine_threadsafe(_opened(folder, commands), loop).result(30)
    try:
        yield Running(cloud.connection(), record, mock_record)
    finally:
        asyncio.run_coroutine_threadsafe(cloud.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _opened(folder: Path, commands: Commands) -> LocalCloud:
    cloud = LocalCloud(folder, commands=commands)
    await cloud.open()
    await cloud.ready()
    return cloud


def token_for(running: Running, scope: str | None = None, **changes: str) -> str:
    """An access token by the token endpoint itself; `changes` replace fields of the form."""
    status, body = ask_token(running, scope, **changes)
    assert status == 200, body
    return str(body["access_token"])


def ask_token(running: Running, scope: str | None = None, **changes: str) -> tuple[int, Any]:
    """Status and body of the token endpoint."""
    connection = running.connection
    form = {
        "grant_type": "client_credentials",
        "client_id": connection["client_id"],
        "client_secret": connection["client_secret"],
        "scope": f"{running.url}/.default" if scope is None else scope,
        **changes,
    }
    tenant = form.pop("tenant", connection["tenant_id"])
    return running.send("POST", f"/{tenant}/oauth2/v2.0/token", urllib.parse.urlencode(form).encode())
