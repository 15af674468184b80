"""The owner of a gateway program says when the program answers or why it does not, and never outlives its parent."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provision.local.gateways.process import Order
from provision.local.ports import free_port
from tests.provision.local.gateways.test_envoy import EJECTED

FAKE = Path(__file__).parent / "fake_gateway.py"
LIMIT_S = 30


class Owner:
    """The owner as `tripcurve local` starts it."""

    def __init__(self, folder: Path, fault: str = "", command: tuple[str, ...] | None = None) -> None:
        self.port = free_port()
        self.record, self.events = folder / "record", folder / "events.jsonl"
        self.order = Order(
            kind="envoy",
            title="Envoy 1.52.0",
            command=command or (sys.executable, str(FAKE), str(self.port), *([fault] if fault else [])),
            environment={},
            port=self.port,
            ready_path="/",
            folder=folder,
            record=self.record,
            events=self.events,
            breakers={"127.0.0.1:8001": {"backend": "m1", "rule": "rule", "trip_duration_s": 4.0}},  # type: ignore[dict-item]  # as JSON has it
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "provision.local.gateways"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tell(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def start(self) -> dict[str, Any]:
        return self.tell(self.order.model_dump_json())

    def program(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text())

    def close(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(LIMIT_S)


@pytest.fixture
def owners() -> Iterator[list[Owner]]:
    """Owners that are killed in the end, whatever happened."""
    made: list[Owner] = []
    yield made
    for owner in made:
        owner.process.kill()
        owner.process.wait()
        for pipe in (owner.process.stdin, owner.process.stdout, owner.process.stderr):
            if pipe is not None:
                pipe.close()


def gone(pid: int) -> bool:
    deadline = time.monotonic() + LIMIT_S
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def until_written(file: Path) -> str:
    deadline = time.monotonic() + LIMIT_S
    while not (text := file.read_text() if file.exists() else "") and time.monotonic() < deadline:
        time.sleep(0.01)
    return text


def test_it_is_ready_when_the_program_answers_and_ends_it_when_its_parent_has_gone(
    tmp_path: Path, owners: list[Owner]
) -> None:
    owner = Owner(tmp_path)
    owners.append(owner)
    assert owner.start() == {"ready": owner.port}
    program = owner.program()
    counted = owner.tell('{"command": "counts", "id": 5}')
    assert counted["id"] == 5
    assert counted["counts"]["cpu_s"] >= 0
    owner.record.write_text(EJECTED + "\n")
    assert '"m1"' in until_written(owner.events)
    assert owner.close() == 0
    assert gone(program)


def test_a_program_that_does_not_start_is_reported_with_its_own_words(tmp_path: Path, owners: list[Owner]) -> None:
    owner = Owner(tmp_path, "stillborn")
    owners.append(owner)
    said = owner.start()["error"]
    assert "the program ended with exit code 1 before it answered" in said
    assert "the configuration is wrong" in said
    assert owner.close() == 3


def test_a_program_that_is_not_there_is_reported(tmp_path: Path, owners: list[Owner]) -> None:
    owner = Owner(tmp_path, command=("/nowhere/envoy",))
    owners.append(owner)
    assert owner.start() == {"error": "cannot start /nowhere/envoy: No such file or directory"}
    assert owner.close() == 3


def test_a_program_that_dies_ends_its_owner_with_its_exit_code(tmp_path: Path, owners: list[Owner]) -> None:
    owner = Owner(tmp_path)
    owners.append(owner)
    owner.start()
    with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
        urllib.request.urlopen(f"http://127.0.0.1:{owner.port}/die", timeout=LIMIT_S)
    assert owner.process.wait(LIMIT_S) == 7


def test_a_program_whose_owner_is_killed_does_not_survive_it(tmp_path: Path, owners: list[Owner]) -> None:
    owner = Owner(tmp_path, "stubborn")
    owners.append(owner)
    owner.start()
    program = owner.program()
    owner.process.kill()
    assert gone(program)


def test_a_record_in_an_unknown_form_is_one_message(tmp_path: Path, owners: list[Owner]) -> None:
    owner = Owner(tmp_path)
    owners.append(owner)
    owner.start()
    owner.record.write_text("m1 ejected\nm1 admitted\n")
    assert owner.process.stderr is not None
    said = owner.process.stderr.readline()
    assert "Envoy 1.52.0 records its breakers in a form that is not known: 'm1 ejected'" in said
    assert "install a version that docs/gateways.md names" in said
    assert not owner.events.exists()
    assert owner.tell('{"command": "counts", "id": 1}')["id"] == 1
    assert owner.close() == 0
