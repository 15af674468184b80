"""Whole runs under Locust, in processes of their own, against a gateway that counts."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from locustfiles.pacing.schedule import probe_arrivals
from tests.locustfiles.running import LOCUSTFILE, Process, Running, ended, own_host, processes
from tests.locustfiles.servers import Gateway, answer, forever, read_request, serving, tokens
from tripcurve.scenario import Probe

PACED = """
name: paced
users: {ChatUser: 8, StreamingChatUser: 2, SdkChatUser: 2, StormChatUser: 2, ProbeUser: 1}
max_retries: 1
phases:
  - {name: well, for: 1.5, rate: 120}
  - {name: ill, for: 1, rate: 120, simulate: {default: {status: 429}}}
"""
CLOSED = """
name: closed
users: {ChatUser: 4, ProbeUser: 1}
phases:
  - {name: three, for: 1, users: 3}
  - {name: paced, for: 1, rate: 50}
  - {name: one, for: 1, users: 1}
"""
SHORT = """
name: short
users: {ChatUser: 4, StreamingChatUser: 2}
phases: [{name: all, for: 1, rate: 100}]
"""
LONG = """
name: long
users: {ChatUser: 4}
phases: [{name: all, for: 60, rate: 100}]
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    gateway = Gateway()
    with serving(gateway) as port:
        made = Running(tmp_path, port, gateway)
        yield made
        made.close()


class Finished(NamedTuple):
    """A run that has ended, and its standard output."""

    running: Running
    out: str


@pytest.fixture(scope="module")
def paced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """One run of PACED in one process, with its report."""
    gateway = Gateway()
    with serving(gateway) as port:
        made = Running(tmp_path_factory.mktemp("paced"), port, gateway)
        code, out, err = ended(made.drive(PACED, "--json", report=True))
        assert code == 0, err
        yield Finished(made, out)
        made.close()


def test_every_request_served_is_a_row_and_locusts_statistics_agree(paced: Finished) -> None:
    running, out = paced
    rows = running.rows()
    assert len(rows) == running.gateway.served
    assert (rows["start_ns"].diff().dropna() >= 0).all()
    attempts = [entry for entry in json.loads(out) if entry["method"] == "POST"]
    by_user = Counter[str]()
    for entry in attempts:
        by_user[entry["name"].partition(" · ")[0]] += entry["num_requests"]
    assert by_user == rows["user"].value_counts().to_dict()
    failed = rows[(rows["status"] != 200) | rows["error"].notna()]
    assert sum(entry["num_failures"] for entry in attempts) == len(failed)


def test_a_run_is_reported_when_it_ends(paced: Finished) -> None:
    assert (paced.running.run_dir / "report.html").stat().st_size > 10_000


def test_gaps_between_tokens_are_reported(paced: Finished) -> None:
    rows = paced.running.rows()
    streamed = rows[(rows["user"] == "StreamingChatUser") & (rows["status"] == 200)]
    assert paced.running.info()["token_gap_ms"]["n"] == len(streamed) > 0  # each has two tokens


def test_faults_begin_and_end_with_their_phase(paced: Finished) -> None:
    running = paced.running
    rows = running.rows()
    first = rows["user"] == "ChatUser"
    # A fault is that of the instant of sending: an arrival of the last milliseconds may be sent in the next phase.
    sent_s = (rows["start_ns"] - running.info()["start_ns"]) / 1e9
    assert set(rows[first & (sent_s < 1.5)]["status"]) == {200}
    assert set(rows[first & (sent_s > 1.6)]["status"]) == {429}
    due_s = (rows["intended_ns"] - running.info()["start_ns"]) / 1e9
    assert ((rows["phase"] == "ill") == (due_s >= 1.5)).all()
    probes, pacing = len(list(probe_arrivals(Probe(), 0, 2.5))), running.info()["pacing"]
    assert pacing["intended"] == pacing["sent"] + pacing["dropped"] == 300 + probes


def test_closed_and_open_loop_follow_one_another(running: Running) -> None:
    code, _, err = ended(running.drive(CLOSED))
    assert code == 0, err
    assert running.info()["ended"]["kind"] == "completed"
    rows = running.rows()
    assert len(rows) == running.gateway.served
    chats = rows[rows["user"] == "ChatUser"]
    by_phase = chats.groupby("phase", observed=True).size()
    # A free user that looked at the clock just before the phase ended may send just after it: its row has no schedule.
    scheduled = chats[chats["intended_ns"] < chats["start_ns"]].groupby("phase", observed=True).size()
    assert scheduled["paced"] == 50
    assert by_phase["paced"] <= 50 + 3
    assert by_phase["three"] > 200
    assert by_phase["one"] > 100


def test_arrivals_that_find_no_free_user_are_late_or_dropped_and_counted(tmp_path: Path) -> None:
    gateway = Gateway(wait_s=0.5)
    with serving(gateway) as port:
        running = Running(tmp_path, port, gateway)
        code, _, err = ended(
            running.drive("name: few\ntimeout: 1\nusers: {ChatUser: 1}\nphases: [{name: all, for: 2, rate: 10}]\n")
        )
        running.close()
    assert code == 4, err
    assert "arrivals were never sent" in err
    rows, pacing = running.rows(), running.info()["pacing"]
    assert pacing["intended"] == 20
    assert len(rows) == gateway.served == pacing["sent"] == 20 - pacing["dropped"]
    assert 4 <= len(rows) <= 7
    late_s = (rows["start_ns"] - rows["intended_ns"]) / 1e9
    assert late_s.iloc[0] < 0.3
    assert late_s.iloc[-1] > 1


def test_two_processes_lose_no_row(running: Running) -> None:
    code, _, err = ended(running.drive(PACED, *processes(2)))
    assert code == 0, err
    rows, info = running.rows(), running.info()
    assert len(rows) == running.gateway.served == info["counts"]["recorded"]
    assert set(rows["worker"]) == {0, 1}
    assert [worker["lost"] for worker in info["workers"]] == [False, False]
    # A busy machine may be too late for a probe, which is then dropped and counted; nothing else is.
    assert info["pacing"]["intended"] == info["pacing"]["sent"] + info["pacing"]["dropped"]
    assert (rows[rows["user"] != "ProbeUser"]["intended_ns"] < rows["start_ns"].max()).sum() >= 300


def test_gaps_between_tokens_are_reported_for_the_streams_of_all_processes_together(tmp_path: Path) -> None:
    scenario = "name: s\nusers: {StreamingChatUser: 8}\nphases: [{name: all, for: 2, rate: 10}]\n"
    with serving(tokens(count=5, gap_s=0.04)) as port:
        running = Running(tmp_path, port, Gateway())
        code, _, err = ended(running.drive(scenario, *processes(2)))
        running.close()
    assert code == 0, err
    rows, gaps = running.rows(), running.info()["token_gap_ms"]
    assert set(rows["status"]) == {200}
    assert rows["error"].isna().all()
    assert gaps["n"] == 4 * len(rows) == 80
    assert 38 < gaps["p50"] < 60
    assert gaps["p50"] <= gaps["p99"]


def test_rows_that_are_shipped_are_the_same_rows(running: Running) -> None:
    code, _, err = ended(running.drive(SHORT, *processes(2), "--ship-rows"))
    assert code == 0, err
    assert len(running.rows()) == running.gateway.served


def test_users_that_a_falling_load_takes_away_end_their_requests_first(running: Running) -> None:
    phases = "[{name: a, for: 1, users: 8}, {name: b, for: 1, users: 2}]"
    code, _, err = ended(running.drive(f"name: c\nusers: {{ChatUser: 8}}\nphases: {phases}\n", *processes(2)))
    assert code == 0, err
    assert len(running.rows()) == running.gateway.served


def test_two_runs_cannot_share_a_folder_and_the_first_goes_on(running: Running) -> None:
    first = running.drive(LONG)
    running.wait_for_rows()
    code, _, err = ended(running.drive(LONG))
    assert (code, "is being written by another run" in err) == (2, True), err
    interrupt(running, first)
    assert not (running.run_dir / ".lock").exists()


def interrupt(running: Running, process: Process) -> None:
    """Interrupt a run with Ctrl-C; it keeps all its rows."""
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process, timeout=20)
    assert code == 130, err
    assert "Traceback" not in err
    assert len(running.rows()) == running.gateway.served
    info = running.info()
    assert info["interrupted"] is True
    assert info["ended"] == {"kind": "interrupted", "reason": None, "at_ns": info["end_ns"]}


def test_an_interrupted_run_keeps_the_rows_of_all_processes(running: Running) -> None:
    process = running.drive(LONG, *processes(2))
    running.wait_for_rows()
    interrupt(running, process)


def test_a_terminated_run_keeps_all_its_rows(running: Running) -> None:
    process = running.drive(LONG)
    running.wait_for_rows()
    process.send_signal(signal.SIGTERM)
    code, _, err = ended(process, timeout=20)
    assert code == 130, err
    assert len(running.rows()) == running.gateway.served


@pytest.mark.no_coverage
def test_a_disk_that_is_full_ends_the_run_with_a_reason(running: Running) -> None:
    code, _, err = ended(running.drive(LONG, limit=30))
    assert code == 4
    assert "cannot record requests" in err
    assert "File too large" in err
    assert "Make room there, then `tripcurve report run` reports them" in err.replace(str(running.folder) + "/", "")
    assert "Traceback" not in err
    assert not [path.name for path in running.run_dir.iterdir() if path.name.endswith(".part")]
    assert not (running.run_dir / ".lock").exists()


def test_a_target_that_goes_away_is_recorded_to_the_end_and_reported(tmp_path: Path) -> None:
    gone = threading.Event()

    def leave(connection: socket.socket) -> None:
        while read_request(connection) and not gone.is_set():
            connection.sendall(answer())

    with serving(leave) as port:
        running = Running(tmp_path, port, Gateway())
        process = running.drive("name: gone\nusers: {ChatUser: 4}\nphases: [{name: all, for: 4, rate: 100}]\n")
        running.wait_for_rows()
        gone.set()
    code, _, err = ended(process)
    assert code == 3, err
    assert "the target stopped answering" in err
    running.close()
    info = running.info()
    assert (info["exit"], info["ended"]["kind"]) == (3, "target lost")
    assert "got no response (ConnectionRefused)" in info["ended"]["reason"]
    rows = running.rows()
    assert len(rows) == 400
    assert set(rows["status"]) == {0, 200}


def test_a_key_that_is_refused_is_found_before_the_run(tmp_path: Path) -> None:
    with serving(forever(answer(status=b"401 Access Denied", headers=b""))) as port:
        running = Running(tmp_path, port, Gateway())
        code, _, err = ended(running.drive(LONG), timeout=20)
        running.close()
    assert code == 3
    assert "refused the key (401)" in err


@pytest.mark.parametrize(
    ("scenario", "words", "code", "message"),
    [
        (LONG.replace("ChatUser", "NoUser"), (), 2, "users.NoUser"),
        (LONG, ("--lab", "none-such"), 2, "none-such"),
        (LONG, ("--target", "azure"), 3, "tripcurve up"),
        (LONG, ("--target", "http://user:secret@127.0.0.1:1"), 2, "contains a user name or password"),
        (LONG, ("--target", "http://127.0.0.1:1"), 3, "cannot be reached"),
    ],
)
def test_unusable_input_is_refused_in_one_line(
    running: Running, scenario: str, words: tuple[str, ...], code: int, message: str
) -> None:
    got, _, err = ended(running.drive(scenario, *words))
    assert got == code, err
    assert message in err
    assert "secret" not in err
    assert "Traceback" not in err
    assert not running.run_dir.exists()


def test_the_web_page_starts_and_stops_a_run(running: Running) -> None:
    host = own_host()
    (running.folder / "scenario.yaml").write_text(PACED)
    allowed = ("--scenario", "scenario.yaml", "--target", running.url)  # the form may choose nothing else
    running.locust("--web-host", host, "--run-dir", "run", *allowed)
    page = f"http://{host}:8089"
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(page, timeout=5) as answer:  # Locust's page, on loopback
                text, cookie = answer.read().decode(), answer.headers["Set-Cookie"].partition(";")[0]
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert "scenario" in text
    form = {"lab": "quick", "scenario": "scenario.yaml", "target": running.url}
    data = urllib.parse.urlencode(form).encode()
    start = urllib.request.Request(f"{page}/swarm", data, {"Cookie": cookie})  # noqa: S310  # as above
    urllib.request.urlopen(start, timeout=10).read()  # noqa: S310
    while not (running.run_dir / "run.json").exists():
        assert time.monotonic() < deadline + 20
        time.sleep(0.1)
    assert len(running.rows()) == running.gateway.served


def _fenced(page: str, kind: str) -> str:
    """The first block of a kind in the documentation."""
    return page.split(f"```{kind}\n")[1].split("```")[0]


def test_the_user_in_the_documentation_is_recorded_like_the_built_in_ones(running: Running) -> None:
    page = (LOCUSTFILE.parents[1] / "docs" / "writing-users.md").read_text()
    file = running.folder / "mine.py"
    file.write_text(_fenced(page, "python"))
    scenario = _fenced(page, "yaml").replace("PT10S", "PT1S")
    code, _, err = ended(running.drive(scenario, file=file))
    assert code == 0, err
    rows = running.rows()
    assert len(rows) == running.gateway.served
    own = rows[rows["user"] == "TwoStepUser"]
    assert (own["phase"] == "healthy").sum() == 40
    assert (own["phase"] == "fault").sum() == 20
