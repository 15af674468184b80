"""A disk that is full, slow, gone or not writable: flushed rows are kept, and exit code 4 says that others are not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from reports.loading.run import load
from tests.locustfiles.running import LOCUSTFILE, Running, ended
from tests.locustfiles.servers import Gateway, serving

SCENARIO = "name: s\nusers: {ChatUser: 8}\nphases: [{name: all, for: 60, rate: 200}]\n"
SHORT = SCENARIO.replace("60", "2")
SLOW = f"""
import sys
from gevent.monkey import get_original
sys.path.insert(0, {str(LOCUSTFILE.parents[1])!r})
from locustfiles.recording.recorder import Recorder
from locustfiles.chat import *

flush = Recorder.flush


def slow(self):
    get_original("time", "sleep")(0.4)  # blocks the whole process, as a write to a slow disk does
    flush(self)


Recorder.flush = slow
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    gateway = Gateway()
    with serving(gateway) as port:
        made = Running(tmp_path, port, gateway)
        yield made
        made.close()


def nothing_half_written(folder: Path) -> None:
    """What is under its final name is whole: JSON that parses, Parquet that opens."""
    for path in folder.glob("*.json"):
        json.loads(path.read_text())
    for path in folder.glob("*.parquet"):
        with pa.memory_map(str(path)) as source:
            pa.parquet.ParquetFile(source)


def test_a_full_disk_ends_the_run_and_keeps_what_was_flushed(running: Running) -> None:
    """A limit of file size stands for the disk's end: both refuse a write, and it needs no privilege."""
    code, _, err = ended(running.drive(SCENARIO, "--no-report", limit="30"))
    assert (code, "Traceback" in err) == (4, False), err
    assert "cannot record requests" in err
    nothing_half_written(running.run_dir)
    kept, served = load(running.run_dir).tally.total, running.gateway.served
    assert f"the {kept:,} recorded before are safe" in err
    assert served - 200 * 1.5 <= kept < served
    assert running.info()["pacing"]["sent"] == served
    assert running.info()["ended"]["kind"] == "not recorded"


def test_a_folder_that_is_removed_ends_with_its_reason(running: Running) -> None:
    process = running.drive(SHORT, "--no-report")
    running.wait_for_rows()
    shutil.rmtree(running.run_dir)
    code, _, err = ended(process)
    assert (code, "Traceback" in err) == (4, False), err
    assert "run" in err


def test_a_folder_that_cannot_be_written_is_refused_before_the_run(running: Running) -> None:
    """/sys takes no folders, whoever asks."""
    code, _, err = ended(running.drive(SHORT, "--run-dir", "/sys/tripcurve-run"))
    assert (code, "Traceback" in err) == (2, False), err
    assert "/sys/tripcurve-run cannot be used" in err
    assert running.gateway.served == 0


def test_a_slow_disk_costs_no_row_and_its_lateness_is_recorded(running: Running) -> None:
    file = running.folder / "slow.py"
    file.write_text(SLOW)
    code, _, err = ended(running.drive(SHORT, "--no-report", file=file))
    assert code in (0, 4), err
    assert len(running.rows()) == running.gateway.served > 200
    assert running.info()["pacing"]["late_p99_ms"] > 200
