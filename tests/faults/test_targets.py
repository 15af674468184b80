"""A target that was well and then misbehaves: every request is a row, and the run is not called good."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reports.loading.run import load
from reports.statistics.summary import summarise
from reports.trips.analysis import analyse
from tests.locustfiles.running import Running, ended
from tests.locustfiles.servers import Behaviour, Gateway, answer, read_request, serving

GOOD = 20
"""Answers that are well before the fault begins."""
SCENARIO = "name: s\nusers: {ChatUser: 8}\ntimeout: 2\nphases: [{name: all, for: 4, rate: 40}]\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def well_then(fault: Callable[[socket.socket], bool]) -> Behaviour:
    """Answer the first requests well and the others by `fault`, which returns whether the connection goes on."""
    served, lock = [0], threading.Lock()

    def behave(connection: socket.socket) -> None:
        while request := read_request(connection):
            with lock:
                served[0] += not request.endswith(b"\r\n\r\n{}")  # the try before a run is no part of it
                well = served[0] <= GOOD
            if well:
                connection.sendall(answer())
            elif not fault(connection):
                return

    return behave


def says(data: bytes, whole: bool = False) -> Callable[[socket.socket], bool]:
    """Send the bytes, and close the connection unless they are a whole answer."""

    def fault(connection: socket.socket) -> bool:
        connection.sendall(data)
        return whole

    return fault


def hangs(connection: socket.socket) -> bool:
    time.sleep(4)
    return False


def resets(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def endless_headers(connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:  # until the client has had enough, which ends the thread by an OSError
        connection.sendall(b"X-More: %b\r\n" % (b"x" * 8000))


def endless_interim(connection: socket.socket) -> bool:
    while True:
        connection.sendall(b"HTTP/1.1 102 Processing\r\nX-More: yes\r\n\r\n" * 100)


GZIP = b"Content-Encoding: gzip\r\nx-tripcurve-backend: openaimock1.azurewebsites.net\r\n"
# Name, what the target does after its first answers, the rows' status and class of error, the exit code.
CASES: list[tuple[str, Callable[[socket.socket], bool], int, set[str], int]] = [
    ("closes", says(b""), 0, {"ConnectionClosed", "ConnectionReset"}, 3),
    ("hangs", hangs, 0, {"Timeout", "Cancelled"}, 3),
    ("resets", resets, 0, {"ConnectionReset", "ConnectionClosed"}, 3),
    ("speaks no HTTP", says(b"220 mail.example ESMTP\r\n"), 0, {"BadResponse"}, 3),
    ("headers without end", endless_headers, 0, {"HeadersTooLarge", "BadResponse"}, 3),
    ("interim answers without end", endless_interim, 0, {"HeadersTooLarge", "BadResponse"}, 3),
    ("a chunk's length is no number", says(CHUNKED + b"what\r\n"), 200, {"BadResponse"}, 4),
    ("a body is cut short", says(answer()[:-5]), 200, {"IncompleteBody"}, 4),
    ("HTML", says(answer(b"<html>It works!</html>"), True), 200, {"BadBody"}, 4),
    ("JSON that is no object", says(answer(b"[1, 2]"), True), 200, {"BadBody"}, 4),
    ("bytes that are no UTF-8", says(answer(b'{"a": "\xff\xfe"}'), True), 200, {"BadBody"}, 4),
    ("a gzip that is none", says(answer(b"\x1f\x8b\x08garbage", headers=GZIP), True), 200, {"BadBody"}, 4),
]
NAMES = [name for name, *_ in CASES]


@dataclass
class Recorded:
    """One run: exit code and messages of the traffic, rows, and what run.json and the summary say."""

    code: int
    messages: str
    rows: Any
    sent: int
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Recorded]]:
    """Every case's run, all under way at the same time."""
    folder = tmp_path_factory.mktemp("targets")
    with ExitStack() as stack:
        started = {}
        for number, (name, fault, *_) in enumerate(CASES):
            (folder / str(number)).mkdir()
            port = stack.enter_context(serving(well_then(fault)))
            running = Running(folder / str(number), port, Gateway())
            stack.callback(running.close)
            started[name] = running, running.drive(SCENARIO, "--no-report")
        yield {name: _recorded(running, ended(process, 400)) for name, (running, process) in started.items()}


def _recorded(running: Running, end: tuple[int, str, str]) -> Recorded:
    code, _, messages = end
    run = load(Path(running.run_dir))
    sent = running.info()["pacing"]["sent"]
    return Recorded(code, messages, running.rows(), sent, summarise(run, analyse(run), []))


@pytest.mark.parametrize("name", NAMES)
def test_every_request_sent_is_a_row(runs: dict[str, Recorded], name: str) -> None:
    run = runs[name]
    assert len(run.rows) == run.sent > GOOD, run.messages
    assert "Traceback" not in run.messages


@pytest.mark.parametrize(("name", "status", "errors"), [(name, s, e) for name, _, s, e, _ in CASES])
def test_the_rows_say_what_was_wrong(runs: dict[str, Recorded], name: str, status: int, errors: set[str]) -> None:
    rows = runs[name].rows
    failed = rows[rows["error"].notna()]
    assert 0 < len(rows) - len(failed) <= GOOD
    busy = {(0, "Timeout"), (0, "ConnectTimeout"), (0, "Cancelled")}  # how requests end where the machine is too slow
    found = {(row.status, row.error) for row in failed.itertuples()}
    assert found - busy <= {(status, error) for error in errors}
    assert failed["error"].isin(errors).mean() > 0.5


@pytest.mark.parametrize("name", [name for name, *_, code in CASES if code == 3])
def test_a_target_that_is_lost_ends_the_traffic_with_its_exit_code(runs: dict[str, Recorded], name: str) -> None:
    assert runs[name].code == 3, runs[name].messages
    assert "the target stopped answering" in runs[name].messages


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, *_, code in CASES])
def test_the_verdict_says_that_the_run_is_no_measurement(runs: dict[str, Recorded], name: str, code: int) -> None:
    verdict = runs[name].summary["verdict"]
    assert (verdict["label"], verdict["exit_code"]) == ({3: "target lost", 4: "not valid"}[code], code)
