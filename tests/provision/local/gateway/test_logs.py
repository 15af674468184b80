"""The files a unit writes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from provision.local.gateway.logs import EventLog, LineFile, RequestLog


def test_each_record_is_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    one, other = LineFile(str(path)), LineFile(str(path))
    one.write({"a": 1}, {"a": "x\ny"})
    other.write({"a": 2})
    one.close()
    other.close()
    assert [json.loads(line)["a"] for line in path.read_text().splitlines()] == [1, "x\ny", 2]


async def test_an_event_is_written_soon_but_after_what_is_already_due(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log, rendered = EventLog(str(path)), asyncio.Event()

    def second() -> dict[str, object]:
        rendered.set()
        return {"n": 1}

    log.add(lambda: {"n": 0})
    log.add(second)
    await asyncio.sleep(0)
    assert path.read_text() == ""
    await asyncio.wait_for(rendered.wait(), 10)
    log.add(lambda: {"n": 2})
    log.close()
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [0, 1, 2]


async def test_lines_wait_for_a_batch_and_are_all_there_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = RequestLog(str(path))
    log.add({"n": 0})
    assert path.read_text() == ""
    log.add({"n": 1})
    log.close()
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [0, 1]


async def test_log_stops_at_its_limit_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "log.jsonl"
    log = RequestLog(str(path), limit=20)
    for number in range(10):
        log.add({"n": number})
        log.flush()
    log.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("n") for line in lines] == [0, 1, 2, None]
    assert lines[-1]["Type"] == "LogFull"
    assert "reached its limit" in caplog.text
