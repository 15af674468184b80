"""Traces in files of all kinds: times, sizes, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.record import batches_of, write_run
from simulator.virtual import EPOCH_NS, run_virtual
from tests.virtual_run import write_shard
from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.run.layout import shard_path
from tripcurve.scenario import Replay, Scenario
from tripcurve.scenario.trace import Trace
from tripcurve.scenario.trace_file import Sent, read_sent, to_parquet

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:51.2224670,879,55
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def passed(sent: Sent) -> list[int]:
    """The times of a trace in ns after the first."""
    return [int(at) for at in sent.at_ns - sent.at_ns[0]]


def test_azures_public_trace_is_read_to_the_100_ns_that_it_has(tmp_path: Path) -> None:
    sent = read_sent(write(tmp_path, "azure.csv", AZURE))
    assert passed(sent) == [0, 4_314_579_000, 4_541_877_000]
    assert (sent.prompt.tolist(), sent.completion.tolist()) == ([374, 396, 879], [44, 109, 55])


def test_the_newer_public_trace_has_a_time_zone(tmp_path: Path) -> None:
    text = "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n"
    text += "2024-05-10 00:00:00.009930+00:00,0,2162,5\n2024-05-10 02:00:00.010930+02:00,1,2399,6\n"
    assert passed(read_sent(write(tmp_path, "azure.csv", text))) == [0, 1_000_000]


@pytest.mark.parametrize(
    ("times", "first"),
    [
        ("0,0.25,1e1", "time"),
        ("0,250,10000", "time_ms"),
        ("1764000000,1764000000.25,1764000010", "timestamp"),
        ("1764000000000,1764000000250,1764000010000", "timestamp"),
        (" 0 , 0.25 ,10.0", "Arrival Time"),
        ("2026-11-29T00:00:00Z,2026-11-29T00:00:00.25Z,2026-11-29T00:00:10Z", "TimeGenerated"),
    ],
)
def test_times_are_seconds_dates_or_unix_times(tmp_path: Path, times: str, first: str) -> None:
    text = "\n".join([first, *times.split(",")])
    sent = read_sent(write(tmp_path, "t.csv", text))
    assert passed(sent) == [0, 250_000_000, 10_000_000_000]
    assert sent.prompt.tolist() == sent.completion.tolist() == [0, 0, 0]


SECRET = "alice@example.com wrote: 4111 1111 1111 1111"


def personal(folder: Path, kind: str) -> Path:
    """A file with columns of people between those of the trace, and values of mixed types in them."""
    rows: list[dict[str, Any]] = [
        {"user": SECRET, "time": 1.5, "prompt": [SECRET], "prompt_tokens": 7, "completion_tokens": 3},
        {"user": SECRET, "time": 2.5, "prompt": [], "prompt_tokens": None, "completion_tokens": 4},
    ]
    if kind == "jsonl":
        rows[0]["user"] = {"mail": SECRET}  # the reader would refuse a column of two types, if it read it
        return write(folder, "t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    if kind == "csv":
        text = "user,time,prompt,prompt_tokens,completion_tokens\n"
        return write(folder, "t.csv", f'{text}"{SECRET}\n,x",1.5,a,7,3\n,2.5,"{SECRET}",,4\n')
    pq.write_table(pa.Table.from_pylist(rows), folder / "t.parquet")
    return folder / "t.parquet"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_only_times_and_sizes_are_read(tmp_path: Path, kind: str) -> None:
    sent = read_sent(personal(tmp_path, kind))
    assert passed(sent) == [0, 1_000_000_000]
    assert (sent.prompt.tolist(), sent.completion.tolist()) == ([7, 0], [3, 4])
    assert "alice" not in repr(sent)


def test_parquet_may_have_times_as_such(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    pq.write_table(pa.table({"timestamp": [at, at + timedelta(milliseconds=5)]}), tmp_path / "t.parquet")
    assert passed(read_sent(tmp_path / "t.parquet")) == [0, 5_000_000]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time\n1\n\n3\n", ""),
        ("time,x\n1,a\n,b\n3,c\n", "row 2: time is empty; remove the rows without a time"),
        ("time,x\n,a\n,b\n", r"row 1: time is empty; .* \(and 1 more\)"),
        ("time\n1\n-0.5\n", "row 2: time is negative"),
        ("time\n1\nnoon\n", "row 2: time 'noon' is not a time; write all times as dates, or all as seconds"),
        ("time\nnoon\n1\n", "row 1: time 'noon' is not a time"),
        ("time\n2026-01-01 00:00:00\n5\n", "row 2: time '5' is not a time"),
        ("time\n1\ninf\n", "row 2: time is not a finite number"),
        ("time\n1\n9000000000000\n", "spans more than a century"),
        ("time,prompt_tokens\n1,-4\n", "row 1: prompt_tokens must be a whole number of tokens up to 100,000"),
        ("time,prompt_tokens\n1,2.5\n", "row 1: prompt_tokens must be a whole number"),
        ("time,prompt_tokens\n1,many\n", "row 1: prompt_tokens must be a whole number"),
        ("time,prompt_tokens\n1,100001\n", "row 1: prompt_tokens must be a whole number"),
        ("time,time\n1,2\n", "two columns are named 'time'"),
        ("when\n1\n", "no column holds times; name it `timestamp` .dates. or `time` .seconds."),
        ("time\n", "it has no rows"),
        ("", "no column holds times"),
        ("time,x\n1\n", "not a readable csv file"),
        ("time\n\x00\xff\n", "row 1: time"),
    ],
)
def test_a_bad_file_is_one_clear_message(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "t.csv", text)
    if not message:
        assert passed(read_sent(path)) == [0, 2_000_000_000], "an empty line is no row"
        return
    with pytest.raises(BadInput, match=message) as caught:
        read_sent(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"trace {path}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"time": 1}]', "each line must be an object"),
        ('{"time": 1}\n{"time": "noon"}\n', "row 2: time 'noon' is not a time"),
        ('{"time": 1}\n{}\n', "row 2: time is empty"),
        ('{"time": 1}\n{"time": 2', "not a readable jsonl file: line 2: each line must be an object"),
        ("", "no column holds times"),
        ('{"time": true}', "row 1: time 'True' is not a time"),
    ],
)
def test_bad_json_lines_are_one_clear_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        read_sent(write(tmp_path, "t.jsonl", text))
    assert "\n" not in str(caught.value)


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path, message in (
        (write(tmp_path, "t.xlsx", "x"), "give a file named .csv, .jsonl or .parquet, or a run directory"),
        (tmp_path / "t.csv", "there is no such file"),
        (write(tmp_path, "t.parquet", "time\n1\n"), "not a readable parquet file"),
        (tmp_path, "this folder has no records of requests"),
    ):
        with pytest.raises(BadInput, match=message):
            read_sent(path)


@given(st.binary(max_size=200), st.sampled_from([".csv", ".jsonl", ".parquet"]))
def test_any_bytes_are_a_trace_or_bad_input(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{kind}"
    path.write_bytes(b"time\n" * (kind == ".csv") + content)
    try:
        assert len(read_sent(path).at_ns)
    except BadInput:
        pass


TIMES = st.lists(st.integers(0, 10**10), min_size=1, max_size=30)


@given(TIMES, st.floats(0.05, 4), st.floats(0.1, 100), st.floats(0.001, 5))
def test_a_trace_written_for_its_first_seconds_is_the_same_in_them(
    tmp_path_factory: pytest.TempPathFactory, at_ns: list[int], rate: float, speed: float, length_s: float
) -> None:
    count = np.arange(len(at_ns), dtype=np.int32)
    sent, replay = Sent(np.array(at_ns) + EPOCH_NS, count, count + 7), Replay(file="t", rate=rate, speed=speed)
    path = tmp_path_factory.getbasetemp() / "written.parquet"
    path.write_bytes(to_parquet(sent, length_s * speed))
    try:
        whole = Trace.of(sent, replay, path)
    except BadInput:
        return  # the rate leaves no request
    kept = int(np.searchsorted(whole.due_ns, length_s * 1e9))
    if kept:
        written = Trace.of(read_sent(path), replay, path)
        for name in ("due_ns", "prompt", "completion"):
            assert getattr(written, name)[:kept].tolist() == getattr(whole, name)[:kept].tolist()


def test_a_config_map_holds_a_trace_of_150000_requests() -> None:
    rng = np.random.default_rng(1)
    at_ns = np.cumsum(rng.exponential(2e7, 150_000)).astype(np.int64)
    sizes = (np.minimum(rng.lognormal(mean, 1, len(at_ns)), 16_000).astype(np.int32) for mean in (6.5, 5))
    assert len(to_parquet(Sent(at_ns, *sizes), 1e9)) < 1024 * 1024


LAB = Lab.model_validate({"name": "l", "gateway": {"name": "g"}, "backends": [{"name": "m1"}]})


@pytest.mark.parametrize("shards", [False, True])
def test_a_run_directory_is_a_trace_of_its_arrivals(tmp_path: Path, shards: bool) -> None:
    scenario = Scenario.model_validate(
        {
            "name": "s",
            "users": {"StormChatUser": 3, "ProbeUser": 1},
            "max_retries": 2,
            "arrivals": "poisson",
            "phases": [
                {"name": "a", "for": 2, "rate": 30, "simulate": {"m1": {"status": 429, "share": 0.5}}},
                {"name": "b", "for": 1, "users": 2},
            ],
        }
    )
    run = run_virtual(LAB, scenario)
    if shards:
        folder = tmp_path
        write_shard(shard_path(folder, 0), run.samples)
    else:
        folder, _ = write_run(tmp_path / "run", LAB, scenario, run.events, batches_of(run), {})
    arrivals = [row.intended_ns for row in run.samples if row.start_ns != row.intended_ns and row.user != "ProbeUser"]
    closed = [row.start_ns for row in run.samples if row.phase == "b" and row.start_ns == row.intended_ns]
    sent = read_sent(folder)
    assert sorted(sent.at_ns.tolist()) == sorted(arrivals + closed)
    assert 40 < len(arrivals) < len([row for row in run.samples if row.phase == "a"])
    assert set(sent.prompt.tolist()) <= {0, 40}
    assert min(sent.at_ns) >= EPOCH_NS
