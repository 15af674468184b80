"""Columns of recorded traffic in files of all kinds: what is chosen, and that nothing else is read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve import table_file
from tripcurve.errors import BadInput
from tripcurve.table_file import SUFFIXES, plain, read_columns, unit_ns

KNOWN = {"time": ("timestamp", "time"), "size": ("size",)}
NEEDED = {"time": "no column holds times"}


def read(path: Path, torn: list[int] | None = None) -> dict[str, list[object]]:
    return {kind: column.values.to_pylist() for kind, column in read_columns(path, "log", KNOWN, NEEDED, torn).items()}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("text", ["user,Time,size\nx,1,2\ny,,3\n", "\ufeffuser;Time;size\nx;1;2\ny;;3\n"])
def test_csv_may_have_commas_or_semicolons_and_a_mark_of_its_encoding(tmp_path: Path, text: str) -> None:
    assert read(write(tmp_path, "t.csv", text)) == {"time": ["1", None], "size": ["2", "3"]}


def test_json_lines_are_text_as_those_of_csv(tmp_path: Path) -> None:
    rows = [{"time": 1.5, "size": 2, "user": "x"}, {"size": None, "time": "1.5"}, {"size": [1]}]
    text = "\n\n".join(map(json.dumps, rows))
    assert read(write(tmp_path, "t.json", text)) == {"time": ["1.5", "1.5", None], "size": ["2", None, "[1]"]}


def test_many_json_lines_are_one_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "_LINES", 3)
    text = "".join(f'{{"time": {n}}}\n' for n in range(10))
    assert read(write(tmp_path, "t.jsonl", text)) == {"time": [str(n) for n in range(10)]}


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"time": [1, 2], "user": ["x", "y"]}), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet") == {"time": [1, 2]}


def test_the_preferred_name_is_chosen(tmp_path: Path) -> None:
    assert read(write(tmp_path, "t.csv", "time,TIMESTAMP [Local Time],size\n1,2,3\n"))["time"] == ["2"]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_torn_line_is_refused_unless_torn_lines_are_collected(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, "time,size\n1,2\n3\n" if name == "t.csv" else '{"time": 1, "size": 2}\n{"time":\n')
    with pytest.raises(BadInput, match=f"log {path}: not a readable"):
        read(path)
    torn: list[int] = []
    assert read(path, torn)["time"][:1] == ["1"]
    assert len(torn) == (name == "t.csv"), "a line of JSON is a row without values"


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "LARGEST_BYTES", 10)
    with pytest.raises(BadInput, match="larger than 10 bytes; give a shorter part of it"):
        read(write(tmp_path, "t.csv", "time\n1\n2\n3\n"))


def test_an_unreadable_row_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read(write(tmp_path, "t.csv", "time,size\n1,2\nalice@example.com\n"))
    assert "alice" not in str(caught.value)


@given(st.binary(max_size=200), st.sampled_from(SUFFIXES), st.booleans())
def test_any_bytes_are_columns_or_one_line_of_bad_input(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str, collect: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{kind}"
    path.write_bytes(b"time\n" * (kind == ".csv") + content)
    try:
        found: object = list(read(path, [] if collect else None))
    except BadInput as error:
        found = str(error).splitlines()
    assert found in (["time"], ["time", "size"]) or len(found) == 1


@pytest.mark.parametrize(
    ("name", "size", "ns"),
    [
        *(("time_ms", 5.0, 1e6), ("start_us", 5.0, 1e3), ("start_ns", 5.0, 1.0), ("time", 5.0, 1e9)),
        *(("time", 1.7e9, 1e9), ("time", 1.7e12, 1e6), ("time", 1.7e15, 1e3), ("time", 1.7e18, 1.0)),
    ],
)
def test_the_unit_of_a_time_is_in_its_name_or_follows_from_its_size(name: str, size: float, ns: float) -> None:
    assert unit_ns(name, size) == ns


def test_names_are_compared_without_capitals_signs_and_azures_time_zone() -> None:
    assert plain("Time-Generated [Local Time]") == plain("time_generated") == "timegenerated"
