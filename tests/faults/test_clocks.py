"""The wall clock is set forward or back during a run: instants come from the monotonic clock, so no row moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.loading.run import load
from tests.locustfiles.running import LOCUSTFILE, Running, ended
from tests.locustfiles.servers import Gateway, serving

SCENARIO = "name: s\nusers: {ChatUser: 4}\nphases: [{name: all, for: 2, rate: 100}]\n"
STEPPED = f"""
import sys, time
sys.path.insert(0, {str(LOCUSTFILE.parents[1])!r})
wall, wall_ns = time.time, time.time_ns


def step():
    from locustfiles.recording.recorder import Recorder  # the clock jumps once rows are being flushed
    return STEP if getattr(Recorder, "flushed", False) else 0


time.time = lambda: wall() + step()
time.time_ns = lambda: wall_ns() + step() * 10**9
from locustfiles.recording.recorder import Recorder
from locustfiles.chat import *

flush = Recorder.flush


def first(self):
    flush(self)
    Recorder.flushed = True


Recorder.flush = first
"""


@pytest.mark.parametrize("step_s", [3600, -3600])
def test_a_step_of_the_clock_moves_no_row(tmp_path: Path, step_s: int) -> None:
    file = tmp_path / "stepped.py"
    file.write_text(STEPPED.replace("STEP if", f"{step_s} if"))
    gateway = Gateway()
    with serving(gateway) as port:
        running = Running(tmp_path, port, gateway)
        code, _, err = ended(running.drive(SCENARIO, "--no-report", file=file))
        running.close()
    assert (code, "Traceback" in err) == (0, False), err
    run, rows = load(running.run_dir), running.rows()
    assert len(rows) == gateway.served == 200
    assert rows["start_ns"].max() - rows["start_ns"].min() < 10e9
    assert rows["latency_us"].between(1, 5_000_000).all()
    assert 1.9 < run.duration_s < 10
