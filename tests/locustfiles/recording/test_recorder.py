"""The recorder and the join of its shards: no row lost, none invented, sorted by start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.recording import shards
from locustfiles.recording.recorder import Batch, Recorder, RecordingFailed
from tripcurve.run.record import SCHEMA, Row


def row(number: int = 0, start_ns: int | None = None, **changes: Any) -> Row:
    plain = Row(
        start_ns=number if start_ns is None else start_ns,
        intended_ns=number,
        latency_us=5,
        first_byte_us=None,
        backend_us=3,
        status=200,
        origin="backend",
        backend="openaimock1",
        retry_after_s=None,
        prompt_tokens=40,
        completion_tokens=20,
        error=None,
        phase="healthy",
        user="ChatUser",
        worker=0,
    )
    return plain._replace(**changes)


def read(path: Path) -> pa.Table:
    with ipc.open_stream(path) as stream:
        return stream.read_all()


def test_rows_come_back_as_they_were_in_the_schema(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.arrows")
    recorder.add(row(1))
    recorder.add(row(2, status=0, origin="client", backend=None, error="Timeout", first_byte_us=7, retry_after_s=1.5))
    recorder.flush()
    recorder.add(row(3, phase="fault", error="ConnectionReset"))
    recorder.close()
    table = read(tmp_path / "r.arrows")
    assert table.schema.equals(SCHEMA, check_metadata=True)
    got = table.to_pydict()
    assert got["start_ns"] == [1, 2, 3]
    assert got["status"] == [200, 0, 200]
    assert got["backend"] == ["openaimock1", None, "openaimock1"]
    assert got["error"] == [None, "Timeout", "ConnectionReset"]
    assert got["phase"] == ["healthy", "healthy", "fault"]
    assert got["first_byte_us"] == [None, 7, None]
    assert got["retry_after_s"] == [None, 1.5, None]


@given(sizes=st.lists(st.integers(0, 40), max_size=8))
def test_every_row_is_there_once_whenever_flushes_happen(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("r") / "r.arrows"
    seen: list[Batch] = []
    recorder = Recorder(path, (seen.append,))
    number = 0
    for size in sizes:
        for _ in range(size):
            recorder.add(row(number, error=f"Class{number % 5}"))
            number += 1
        recorder.flush()
    recorder.close()
    assert read(path)["start_ns"].to_pylist() == list(range(number))
    assert recorder.rows == number == sum(len(batch.start_ns) for batch in seen)


def test_an_empty_run_is_a_readable_file(tmp_path: Path) -> None:
    Recorder(tmp_path / "r.arrows").close()
    assert len(read(tmp_path / "r.arrows")) == 0


def _record_one(path: Path) -> None:
    recorder = Recorder(path)
    recorder.add(row())
    recorder.close()


def test_a_full_disk_is_a_clear_error() -> None:
    with pytest.raises(RecordingFailed, match="No space left on device"):
        _record_one(Path("/dev/full"))


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed, match=r"none/r\.arrows: cannot record"):
        Recorder(tmp_path / "none" / "r.arrows")


def test_memory_stays_flat(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.arrows")

    def write(rounds: int) -> int:
        for _ in range(rounds):
            for number in range(200):
                recorder.add(row(number))
            recorder.flush()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    early = write(20)
    late = write(100)
    tracemalloc.stop()
    recorder.close()
    assert late - early < 100_000  # 20,000 rows later


KILLED = """
import json, sys, time
from pathlib import Path
from locustfiles.recording.recorder import Recorder
from tripcurve.run.record import Row
recorder, row = Recorder(Path(sys.argv[1])), Row(*json.loads(sys.argv[2]))
for number in range(1000):
    recorder.add(row._replace(start_ns=number))
recorder.flush()
recorder.add(row._replace(start_ns=1000))
print("flushed", flush=True)
time.sleep(60)
"""

WITHOUT_PANDAS = """
import sys
from pathlib import Path
from locustfiles.recording.recorder import Recorder, warm_up
from locustfiles.recording.shards import join_shards
import pyarrow as pa
warm_up()
Recorder(Path(sys.argv[1]) / "requests-0.arrows").close()
join_shards(Path(sys.argv[1]))
print("pandas" in sys.modules, pa.array([1, None]).to_pandas().isna().sum())
"""


def test_recording_imports_no_pandas_and_leaves_it_to_others(tmp_path: Path) -> None:
    words = [sys.executable, "-c", WITHOUT_PANDAS, str(tmp_path)]
    assert subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout == "False 1\n"


def test_a_process_killed_with_9_keeps_all_that_was_flushed(tmp_path: Path) -> None:
    path = tmp_path / "requests-0.arrows"
    words = [sys.executable, "-c", KILLED, str(path), json.dumps(row())]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"flushed\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert shards.join_shards(tmp_path) == 1000


@given(
    starts=st.lists(st.lists(st.integers(0, 10**6), max_size=60), min_size=1, max_size=4),
    batch=st.integers(1, 9),
    group=st.integers(1, 30),
)
def test_shards_join_sorted_and_complete_whatever_overlaps(
    tmp_path_factory: pytest.TempPathFactory, starts: list[list[int]], batch: int, group: int
) -> None:
    folder = tmp_path_factory.mktemp("join")
    for worker, shard in enumerate(starts):
        recorder = Recorder(folder / f"requests-{worker}.arrows")
        for number, start in enumerate(shard):
            recorder.add(row(number, start_ns=start, worker=worker, error=f"E{start % 3}"))
            if number % batch == 0:
                recorder.flush()
        recorder.close()
    before, shards.GROUP_ROWS = shards.GROUP_ROWS, group
    try:
        count = shards.join_shards(folder)
    finally:
        shards.GROUP_ROWS = before
    table = pq.read_table(folder / "requests.parquet")
    got = table["start_ns"].to_numpy()
    assert count == len(got) == sum(map(len, starts))
    assert np.all(np.diff(got) >= 0)
    assert sorted(zip(table["worker"].to_pylist(), got.tolist(), strict=True)) == sorted(
        (worker, start) for worker, shard in enumerate(starts) for start in shard
    )
    assert table.schema.metadata[b"tripcurve.schema"] == b"1"


def test_a_shard_cut_off_in_the_middle_gives_its_complete_rows(tmp_path: Path) -> None:
    path = tmp_path / "requests-0.arrows"
    recorder = Recorder(path)
    for number in range(300):
        recorder.add(row(number))
        if number % 100 == 99:
            recorder.flush()
    recorder.close()
    path.write_bytes(path.read_bytes()[:-900])
    assert shards.join_shards(tmp_path) == 200
