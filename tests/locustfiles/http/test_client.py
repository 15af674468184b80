"""The client against servers that behave and that do not: each is an outcome, none a stuck or raising client."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import gevent
import pytest
import trustme

from locustfiles.http.address import Address
from locustfiles.http.client import Client, Deadlines
from tests.locustfiles.servers import COMPLETION, Gateway, answer, dripping, forever, once, serving, stalling

EVENTS = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"choices":[{"delta":{"content":"b"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


# Name, what the server does, the client's settings, then status and class of error of every answer.
CASES: list[tuple[str, Any, dict[str, Any], int, str | None]] = [
    ("well", forever(answer()), {"times": 3}, 200, None),
    ("throttled", forever(answer(status=b"429 Too Many Requests")), {"times": 2}, 429, None),
    ("chunked", forever(CHUNKED + chunk(COMPLETION) + b"0\r\n\r\n"), {"times": 2}, 200, None),
    ("closes each time", once(answer(headers=b"Connection: close\r\n")), {"times": 2}, 200, None),
    ("continues first", forever(b"HTTP/1.1 100 Continue\r\n\r\n" + answer()), {"times": 2}, 200, None),
    ("no length, then closes", once(b"HTTP/1.1 200 OK\r\n\r\n" + COMPLETION), {}, 200, None),
    ("HTTP/1.0", once(b"HTTP/1.0 200 OK\r\n\r\n" + COMPLETION), {"times": 2}, 200, None),
    ("long request", Gateway(), {"body_bytes": 8_000_000}, 200, None),
    ("closes at once", once(b""), {"times": 2}, 0, "ConnectionClosed"),
    ("closes in the head", once(b"HTTP/1.1 200 OK\r\nContent-"), {}, 0, "ConnectionClosed"),
    ("closes in the body", once(answer()[:-5]), {"times": 2}, 200, "IncompleteBody"),
    ("closes in a chunk", once(CHUNKED + chunk(COMPLETION)[:-9]), {}, 200, "IncompleteBody"),
    ("no chunk's length", once(CHUNKED + b"what\r\n"), {}, 200, "BadResponse"),
    ("no HTTP", once(b"SSH-2.0-OpenSSH_9.2\r\n"), {}, 0, "BadResponse"),
    (
        "two lengths",
        once(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        {},
        0,
        "BadResponse",
    ),
    ("a megabyte of headers", once(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000_000), {}, 0, "HeadersTooLarge"),
    ("says nothing", stalling(b""), {"timeout_s": 2.0}, 0, "Timeout"),
    ("a byte now and then", dripping(answer(), 0.05), {"timeout_s": 2.0}, 0, "Timeout"),
    ("stalls in the body", stalling(answer()[:-9]), {"timeout_s": 2.0}, 200, "Timeout"),
    ("streams", forever(CHUNKED + chunk(EVENTS) + chunk(DONE) + b"0\r\n\r\n"), {"streamed": True}, 200, None),
    ("stream without end", forever(CHUNKED + chunk(EVENTS) + b"0\r\n\r\n"), {"streamed": True}, 200, "BrokenStream"),
    ("stream breaks", once(CHUNKED + chunk(EVENTS)), {"streamed": True}, 200, "IncompleteBody"),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The answers of every case, all run side by side in one process."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with ExitStack() as stack:
        jobs = {name: _job(stack.enter_context(serving(behave)), how) for name, behave, how, _, _ in CASES}
        jobs |= _tls_jobs(stack, authority, folder)
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))  # a port is taken, and nobody listens there
        jobs["refused"] = {"url": f"http://127.0.0.1:{deaf.getsockname()[1]}", "times": 2}
        jobs["no such name"] = {"url": "http://nowhere.invalid"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.locustfiles.exchange"],
            input=json.dumps(list(jobs.values())),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return dict(zip(jobs, json.loads(done.stdout), strict=True))


def _job(port: int, how: dict[str, Any]) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:{port}", **how}


def _tls_jobs(stack: ExitStack, authority: trustme.CA, folder: Path) -> dict[str, dict[str, Any]]:
    def port(name: str) -> int:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(context)
        return stack.enter_context(serving(Gateway(), context))

    right, wrong = port("127.0.0.1"), port("elsewhere.example")
    known = {"ca_file": str(folder / "ca.pem")}
    plain = stack.enter_context(serving(once(answer())))
    return {
        "tls": {"url": f"https://127.0.0.1:{right}", "times": 3, **known},
        "tls, long": {"url": f"https://127.0.0.1:{right}", "body_bytes": 3_000_000, **known},
        "tls, unknown authority": {"url": f"https://127.0.0.1:{right}"},
        "tls, another's name": {"url": f"https://127.0.0.1:{wrong}", **known},
        "no tls there": {"url": f"https://127.0.0.1:{plain}", "timeout_s": 2.0, **known},
    }


@pytest.mark.parametrize(("name", "status", "error"), [(name, s, e) for name, _, _, s, e in CASES])
def test_each_server_gives_a_recorded_outcome(
    outcomes: dict[str, list[dict[str, Any]]], name: str, status: int, error: str | None
) -> None:
    assert {(one["status"], one["error"]) for one in outcomes[name]} == {(status, error)}


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("tls", 200, None),
        ("tls, long", 200, None),
        ("tls, unknown authority", 0, "CertificateInvalid"),
        ("tls, another's name", 0, "CertificateInvalid"),
        ("refused", 0, "ConnectionRefused"),
        ("no such name", 0, "DnsFailure"),
    ],
)
def test_each_kind_of_failed_connection_has_its_own_class(
    outcomes: dict[str, list[dict[str, Any]]], name: str, status: int, error: str | None
) -> None:
    assert {(one["status"], one["error"]) for one in outcomes[name]} == {(status, error)}


def test_a_server_without_tls_is_not_a_success(outcomes: dict[str, list[dict[str, Any]]]) -> None:
    assert outcomes["no tls there"][0]["error"] in {"TlsFailure", "ConnectTimeout", "ConnectionReset"}


def test_bodies_arrive_complete(outcomes: dict[str, list[dict[str, Any]]]) -> None:
    for name in ("well", "chunked", "no length, then closes", "HTTP/1.0", "tls"):
        assert {one["body"] for one in outcomes[name]} == {COMPLETION.decode()}


def test_a_request_ends_soon_after_its_time_limit(outcomes: dict[str, list[dict[str, Any]]]) -> None:
    assert 2.0 <= outcomes["a byte now and then"][0]["latency_s"] < 3.5


def test_tokens_of_a_stream_are_timed_one_by_one(outcomes: dict[str, list[dict[str, Any]]]) -> None:
    assert outcomes["streams"][0]["tokens"] == 2


class Unanswering:
    """An address that never answers a connection attempt."""

    def connect(self, timeout_s: float) -> Any:
        gevent.sleep(60)


def test_a_request_that_is_still_connecting_ends_with_the_run() -> None:
    """It was counted as sent, so it needs an answer to be recorded."""
    deadlines = Deadlines()
    client = Client(cast(Address, Unanswering()), 60, deadlines)
    request = gevent.spawn(client.exchange, b"")
    gevent.sleep(0)
    deadlines.cancel()
    gevent.sleep(0)
    answer = request.get(timeout=5)
    assert (answer.status, answer.error) == (0, "Cancelled")


@pytest.fixture(scope="module", autouse=True)
def _bounded() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(30)
    yield
    socket.setdefaulttimeout(before)
