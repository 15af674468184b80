"""Attacks on the web page: by requests that a hostile page can cause, and by a hostile page in a real browser."""

from __future__ import annotations

import http.client
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest

from locustfiles.live.guard import host_allowed
from tests.locustfiles.live.conftest import Watched, Web

KEY = "the-gateways-own-key"
FORM = {"lab": "quick", "scenario": "short.yaml", "target": "local"}
TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
CHANGES = ("/swarm", "/stop", "/stats/reset", "/user")
Open = Callable[..., Watched]


class Evil(ThreadingHTTPServer):
    """The attacker's server: serves the attack page, and keeps every other request that arrives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _EvilHandler)
        self.page = ""
        self.caught: list[str] = []

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_address[1]}"


class _EvilHandler(BaseHTTPRequestHandler):
    server: Evil

    def do_GET(self) -> None:
        self._answer(200, self.server.page)

    def do_POST(self) -> None:
        self.server.caught.append(f"{self.path}\n{self.headers}")
        self._answer(200, "{}")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def evil() -> Iterator[Evil]:
    server: socketserver.BaseServer = Evil()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server  # type: ignore[misc]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def keyed(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """A page whose process holds a key."""
    monkeypatch.setenv("TRIPCURVE_API_KEY", KEY)
    web.start()
    return web


def ask(web: Web, method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection(web.host, web.port, timeout=10)
    connection.request(method, path, body.encode(), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders())


def token(web: Web) -> dict[str, str]:
    return {"Cookie": ask(web, "GET", "/", {})[1]["Set-Cookie"].partition(";")[0]}


def test_state_changing_routes_refuse_what_the_page_did_not_send(keyed: Web) -> None:
    own, body = token(keyed), urlencode(FORM)
    cases = [
        ("foreign origin", 403, own | TYPE | {"Origin": "https://evil.example"}),
        ("opaque origin", 403, own | TYPE | {"Origin": "null"}),
        ("another port", 403, own | TYPE | {"Origin": f"http://{keyed.host}:1"}),
        ("cross-site fetch", 403, own | TYPE | {"Sec-Fetch-Site": "cross-site"}),
        ("no token", 403, TYPE),
        ("wrong token", 403, TYPE | {"Cookie": own["Cookie"][:-3] + "xyz"}),
        ("plain text", 415, own | {"Content-Type": "text/plain"}),
        ("multipart", 415, own | {"Content-Type": "multipart/form-data; boundary=x"}),
        ("no type", 415, own),
        ("rebound host", 421, own | TYPE | {"Host": "evil.example"}),
    ]
    found = {(path, name): ask(keyed, "POST", path, headers, body)[0] for path in CHANGES for name, _, headers in cases}
    assert found == {(path, name): status for path in CHANGES for name, status, _ in cases}


def test_reads_refuse_a_rebound_host_and_allow_no_other_origin(keyed: Web) -> None:
    for path in ("/", "/logs", "/stats/requests", "/tripcurve/breaker.json"):
        assert ask(keyed, "GET", path, {"Host": f"evil.example:{keyed.port}"})[0] == 421, path
        status, headers = ask(keyed, "GET", path, {"Origin": "https://evil.example"})
        assert (status, [name for name in headers if name.startswith("Access-Control")]) == (200, []), path
        assert headers["X-Frame-Options"] == "SAMEORIGIN"


def test_the_form_takes_only_what_the_command_line_allowed(keyed: Web, evil: Evil) -> None:
    own = token(keyed) | TYPE
    for change in (
        {"target": evil.url},
        {"lab": "/etc/passwd"},
        {"scenario": "../other.yaml"},
        {"run_dir": "/tmp/x"},  # refused
        {"no_report": "true"},
        {"web_host": "0.0.0.0"},  # refused
    ):
        assert ask(keyed, "POST", "/swarm", own, urlencode(FORM | change))[0] == 400, change
    assert ask(keyed, "POST", "/swarm", own, urlencode(FORM) + "&" + urlencode({"target": evil.url}))[0] == 400
    assert evil.caught == []


def test_a_page_of_another_origin_gets_nothing(keyed: Web, evil: Evil, open_page: Open) -> None:
    fields = "".join(f'<input name="{n}" value="{v}">' for n, v in (FORM | {"target": evil.url}).items())
    evil.page = f'<form method="post" action="{keyed.url}swarm">{fields}</form>'
    open_page(keyed.url)  # the developer has the page open, and so holds its cookie
    page: Any = open_page(evil.url).page
    read = page.evaluate("url => fetch(url + 'logs').then(a => a.text()).catch(() => 'unreadable')", keyed.url)
    with page.expect_navigation():
        page.evaluate("document.forms[0].submit()")
    assert read == "unreadable"
    assert "another site" in page.content()
    assert evil.caught == []


def test_a_rebound_name_gets_nothing(keyed: Web, evil: Evil, rebound: Any) -> None:
    """The attacker's name resolves to loopback, so that the browser takes the page for the attacker's own origin."""
    page = rebound.new_page()
    page.goto(f"http://evil.example:{keyed.port}/")
    shown = page.content()
    script = "body => fetch('/swarm', {method: 'POST', body: new URLSearchParams(body)}).then(a => a.status)"
    status = page.evaluate(script, FORM | {"target": evil.url})
    assert ("not served under that host name" in shown, status, evil.caught) == (True, 421, [])


@pytest.mark.parametrize(
    ("host", "bound", "allowed"),
    [
        ("127.0.0.1:8089", "127.0.0.1", True),
        ("localhost:8089", "127.0.0.1", True),
        ("LOCALHOST.", "127.0.0.1", True),
        ("[::1]:8089", "127.0.0.1", True),
        ("load.example:80", "load.example", True),
        ("10.0.0.7:8089", "0.0.0.0", True),  # compared only
        ("10.0.0.7:8089", "127.0.0.1", False),
        ("evil.example", "0.0.0.0", False),  # compared only
        ("localhost.evil.example", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("localhost@evil.example", "127.0.0.1", False),
        ("evil.example#localhost", "127.0.0.1", False),
        ("[::1", "127.0.0.1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_host_allowed(host: str, bound: str, allowed: bool) -> None:
    assert host_allowed(host, bound) is allowed
