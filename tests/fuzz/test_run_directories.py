"""Damaged run directories are reported, or refused in a sentence: no traceback, no crash, no hang, no gigabyte."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
import yaml

from locustfiles.recording.shards import join_shards
from reports.loading.run import load
from reports.statistics.summary import summarise
from reports.trips.analysis import analyse
from tests.fuzz.budget import EXAMPLES, SECONDS
from tests.reports.runs import TRIP, lab_of, write
from tripcurve.errors import BadInput
from tripcurve.run.layout import EVENTS, INFO, REQUESTS, shard_path
from tripcurve.run.record import SCHEMA


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory that is well; its lab and scenario are JSON, so that values can be damaged one by one."""
    folder = write(tmp_path_factory.mktemp("base") / "run", lab_of(), TRIP, seed=1)
    for name in ("lab.yaml", "scenario.yaml"):
        (folder / name).write_text(json.dumps(yaml.safe_load((folder / name).read_text())))
    join_shards(folder)
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "run"))


def test_damaged_directories_are_reported_or_refused(base: Path) -> None:
    """Reproduce a finding by its seed and number: `python -m tests.fuzz.run_directories BASE SEED COUNT`."""
    count = max(EXAMPLES, 40)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.run_directories", str(base), "tripcurve", str(count)],
        capture_output=True,
        text=True,
        timeout=60 + count * SECONDS,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"{lines[-1:]}\n{done.stderr[-3000:]}"
    assert [line for line in lines if "traceback" in line] == []
    assert [line["trying"] for line in lines] == list(range(count))


# Past findings.


def values(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / INFO).read_text())
    change(content)
    (folder / INFO).write_text(json.dumps(content))


def table(folder: Path) -> pa.Table:
    return pq.read_table(folder / REQUESTS)


def column(folder: Path, name: str, array: pa.Array) -> None:
    rows = table(folder)
    pq.write_table(rows.set_column(rows.column_names.index(name), name, array), folder / REQUESTS)


def a_column_twice(folder: Path) -> None:
    rows = table(folder)
    pq.write_table(rows.append_column("worker", rows["worker"]), folder / REQUESTS)


def no_starts(folder: Path) -> None:
    column(folder, "start_ns", pa.nulls(len(table(folder)), pa.int64()))


def starts_as_text(folder: Path) -> None:
    column(folder, "start_ns", pa.array(["=x"] * len(table(folder))))


def statuses_without_value(folder: Path) -> None:
    column(folder, "status", pa.nulls(len(table(folder)), pa.int16()))


def a_start_beyond_64_bits(folder: Path) -> None:
    values(folder, lambda info: info.update(start_ns=10**400))


def an_endless_clock_doubt(folder: Path) -> None:
    clock = {"offset_ns": 1e308, "half_width_ns": 1e308}
    values(folder, lambda info: info.update(workers=[{"worker": 0, "clock": clock}]))


def event(folder: Path, **local: Any) -> None:
    lines = (folder / EVENTS).read_text().splitlines()
    content = json.loads(lines[0])
    content["data"]["local"] |= local
    (folder / EVENTS).write_text("\n".join([json.dumps(content), *lines[1:]]))


def an_event_at_an_object(folder: Path) -> None:
    event(folder, at_ns={"a": 1})


def an_event_open_until_text(folder: Path) -> None:
    event(folder, open_until_ns="later")


def an_event_without_end(folder: Path) -> None:
    event(folder, trip_duration_s=float("inf"))


FINDINGS = [
    (a_column_twice, "two columns 'worker'"),
    (no_starts, "'start_ns' with null values"),
    (starts_as_text, "does not have the type"),
    (statuses_without_value, "'status' with null values"),
    (a_start_beyond_64_bits, "start_ns"),
    (an_endless_clock_doubt, "offset_ns"),
    (an_event_at_an_object, "at_ns is not a whole number"),
    (an_event_open_until_text, "open_until_ns is not a whole number"),
    (an_event_without_end, "trip_duration_s is not a number"),
]


@pytest.mark.parametrize(("change", "said"), FINDINGS, ids=lambda each: getattr(each, "__name__", ""))
def test_past_findings_are_refused_in_a_sentence(folder: Path, change: Callable[[Path], None], said: str) -> None:
    change(folder)
    with pytest.raises(BadInput, match=said):
        load(folder)


def test_an_index_that_leads_out_of_a_dictionary_ends_the_shard_and_not_the_process(folder: Path) -> None:
    """Arrow's reader believes the file: the first use of such an index reads foreign memory."""
    (folder / REQUESTS).unlink()
    shard = shard_path(folder, 0)
    with ipc.open_stream(shard.read_bytes()) as stream:
        whole = stream.read_all().cast(SCHEMA).combine_chunks().to_batches()[0]
    at = SCHEMA.names.index("phase")
    wild = pa.DictionaryArray.from_arrays(pa.array([2**30] * len(whole), pa.int32()), pa.array(["p0"]), safe=False)
    columns = [wild if index == at else whole.column(index) for index in range(whole.num_columns)]
    with pa.OSFile(str(shard), "wb") as file, ipc.new_stream(file, SCHEMA) as out:
        out.write_batch(pa.record_batch(columns, schema=SCHEMA))
    run = load(folder)
    assert (run.tally.total, any("ends early" in note for note in run.notes)) == (0, True)


def test_a_run_that_is_well_is_read(folder: Path) -> None:
    run = load(folder)
    assert len(summarise(run, analyse(run), [])["trips"]) > 0
