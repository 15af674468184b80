"""Production logs: every form gives the same traffic, other columns are not read, and bad rows are counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.loading.traffic_log import TrafficLog, is_traffic_log, read_traffic_log
from reports.statistics.tally import OUTCOMES
from tripcurve.errors import BadInput

START = 1_764_000_000
ROWS = [(START + 0.25 * n, 429 if n % 10 == 9 else 200, 12.5 + n, 40, 20) for n in range(40)]
NAMES = ("timestamp", "status", "latency_ms", "prompt_tokens", "completion_tokens")


def csv_of(rows: list[tuple[object, ...]], names: tuple[str, ...] = NAMES, delimiter: str = ",") -> str:
    return "".join(delimiter.join(map(str, row)) + "\n" for row in (names, *rows))


def written(path: Path, text: str) -> TrafficLog:
    path.write_text(text, "utf-8")
    return read_traffic_log(path)


def same(log: TrafficLog) -> bool:
    traffic = log.traffic
    return (
        np.allclose(traffic.due_s, [row[0] - START for row in ROWS], atol=1e-3)
        and traffic.status.tolist() == [row[1] for row in ROWS]
        and np.allclose(traffic.latency_ms, [row[2] for row in ROWS], atol=1e-3)
        and traffic.tokens_in.sum() == 40 * 40
        and traffic.tokens_out.sum() == 40 * 20
        and log.start_s == pytest.approx(START)
        and log.notes == ()
    )


def test_csv_json_lines_and_parquet_are_the_same(tmp_path: Path) -> None:
    assert same(written(tmp_path / "a.csv", csv_of(ROWS)))
    assert same(written(tmp_path / "b.csv", csv_of(ROWS, delimiter=";")))
    lines = "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in ROWS)
    assert same(written(tmp_path / "c.jsonl", lines))
    table = pa.table({name: [row[index] for row in ROWS] for index, name in enumerate(NAMES)})
    pq.write_table(table, tmp_path / "d.parquet")
    assert same(read_traffic_log(tmp_path / "d.parquet"))


def iso(seconds: float) -> str:
    return str(np.datetime64(round(seconds * 1000), "ms")) + "Z"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("time", iso),
        ("TimeGenerated [Local Time]", iso),
        ("timestamp", lambda seconds: round(seconds * 1e3)),
        ("timestamp", lambda seconds: round(seconds * 1e6)),
        ("timestamp", lambda seconds: round(seconds * 1e9)),
        ("start_ns", lambda seconds: round(seconds * 1e9)),
    ],
)
def test_every_way_to_write_a_time_is_understood(tmp_path: Path, name: str, write: object) -> None:
    rows = [(write(row[0]), *row[1:]) for row in ROWS]  # type: ignore[operator]  # one of the functions above
    assert same(written(tmp_path / "log.csv", csv_of(rows, (name, *NAMES[1:]))))


def test_timestamps_of_parquet_are_understood(tmp_path: Path) -> None:
    times = pa.array([round(row[0] * 1e6) for row in ROWS], pa.timestamp("us", tz="UTC"))
    columns = {name: [row[index] for row in ROWS] for index, name in enumerate(NAMES) if index}
    pq.write_table(pa.table({"timestamp": times, **columns}), tmp_path / "log.parquet")
    assert same(read_traffic_log(tmp_path / "log.parquet"))


@pytest.mark.parametrize(("name", "factor"), [("latency_s", 0.001), ("latency_us", 1000), ("TotalTime", 1)])
def test_the_unit_of_a_latency_is_in_its_name(tmp_path: Path, name: str, factor: float) -> None:
    rows = [(row[0], row[1], row[2] * factor, *row[3:]) for row in ROWS]
    assert same(written(tmp_path / "log.csv", csv_of(rows, (*NAMES[:2], name, *NAMES[3:]))))


def test_no_other_column_is_read(tmp_path: Path) -> None:
    """A column of prompts that holds what no parser could read as numbers, and a person's name."""
    rows = [(*row, "Ada Lovelace", '"a ""prompt"", of hers"') for row in ROWS]
    log = written(tmp_path / "log.csv", csv_of(rows, (*NAMES, "user", "prompt")))
    assert same(log)
    assert log.columns == NAMES
    assert "Ada" not in repr(log)


def test_bad_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    bad = [
        (-5, 200, 1, 1, 1),
        ("nan", 200, 1, 1, 1),
        (START, "x", 1, 1, 1),
        (START, 200, -1, 1, 1),
        (1e300, 200, 1, 1, 1),
    ]
    log = written(tmp_path / "log.csv", csv_of([*ROWS, *bad]))
    assert len(log.traffic) == len(ROWS)
    assert log.notes == (
        "5 of 45 rows are left out: they have a time, status or latency that is missing, negative or no number",
    )


def test_torn_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = csv_of(ROWS).splitlines()
    lines[7:7] = ["1764000000,200", "1,2,3,4,5,6,7"]
    log = written(tmp_path / "log.csv", "\n".join(lines))
    assert len(log.traffic) == len(ROWS)
    assert log.notes == ("2 lines are left out: they do not have a value for each column",)


def test_impossible_tokens_count_as_none(tmp_path: Path) -> None:
    log = written(tmp_path / "log.csv", csv_of([(START, 200, 1, -3, "inf"), (START + 1, 200, 1, "", 7)]))
    assert (log.traffic.tokens_in.sum(), log.traffic.tokens_out.sum()) == (0, 7)


def test_lines_that_are_no_json_are_left_out(tmp_path: Path) -> None:
    lines = [json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS]
    lines[5:5] = ["not json", "[1, 2]", '{"status": 200}', '{"timestamp": ' + "9" * 400 + ', "status": 200}']
    log = written(tmp_path / "log.jsonl", "\n".join(lines))
    assert len(log.traffic) == len(ROWS)
    assert "4 of 44 rows" in log.notes[0]


def test_sheds_are_the_statuses_that_the_lab_states(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("time,status\n1,200\n2,503\n3,429\n4,0\n5,500\n")
    names = [OUTCOMES[code] for code in read_traffic_log(tmp_path / "log.csv", {503, 429}).traffic.outcome]
    assert names == ["2xx", "shed", "429 backend", "no response", "other error"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "no column of the time"),
        ("a.csv", "time,status\n", "no usable row"),
        ("a.csv", "status,latency_ms\n200,1\n", "no column of the time"),
        ("a.csv", "time,latency_ms\n1,1\n", "no column of the status"),
        ("a.csv", "time,time,status\n1,2,200\n", "two columns are named 'time'"),
        ("a.csv", "time,status\n-1,200\n-2,200\n", "no usable row: all 2 rows"),
        ("a.jsonl", "", "no column of the time"),
        ("a.jsonl", "[1]\n", "each line must be an object"),
        ("a.parquet", "no parquet", "not a readable parquet file"),
    ],
)
def test_a_log_that_is_none_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        written(tmp_path / name, content)
    assert str(caught.value).startswith(f"log {tmp_path / name}: ")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00time,status\n\xff")
        with pytest.raises(BadInput, match=r"not a readable|no column"):
            read_traffic_log(tmp_path / name)


@given(st.text(max_size=200))
def test_no_text_ends_in_another_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_text(f"time,status\n{text}", "utf-8")
    try:
        read_traffic_log(path)
    except BadInput:
        pass


def test_the_name_of_a_log_is_plain_text(tmp_path: Path) -> None:
    log = written(tmp_path / "<b>log</b> one.csv".replace("/", "_"), csv_of(ROWS))
    assert log.name == "_b_log__b__one"


@pytest.mark.parametrize(("name", "is_log"), [("a.csv", True), ("a.PARQUET", True), ("a.txt", False)])
def test_a_log_is_known_by_its_suffix(tmp_path: Path, name: str, is_log: bool) -> None:
    (tmp_path / name).touch()
    assert is_traffic_log(tmp_path / name) is is_log
    assert not is_traffic_log(tmp_path)
