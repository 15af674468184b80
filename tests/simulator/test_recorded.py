"""Reading a run to simulate it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.commands.simulate import simulate
from simulator.recorded import read_recorded
from tripcurve.errors import BadInput


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return simulate("quick", "trip-and-recover", run_dir=tmp_path / "run")[0]


def test_a_run_is_read_completely(run: Path) -> None:
    recorded = read_recorded(run)
    assert recorded.lab.name == "quick"
    assert len(recorded.rows) == int((pq.read_table(run / "requests.parquet")["user"].to_pandas() != "ProbeUser").sum())
    assert recorded.rows["start_ns"].is_monotonic_increasing


def test_a_folder_without_requests_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="tripcurve report"):
        read_recorded(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1" + b"\0" * 40, b"no parquet at all"])
def test_a_damaged_record_is_refused_with_its_path(content: bytes, run: Path) -> None:
    (run / "requests.parquet").write_bytes(content)
    with pytest.raises(BadInput, match=r"requests\.parquet cannot be read"):
        read_recorded(run)


def test_another_table_is_refused(run: Path) -> None:
    table = pq.read_table(run / "requests.parquet").drop_columns(["phase"])
    pq.write_table(table, run / "requests.parquet")
    with pytest.raises(BadInput, match="has no column phase"):
        read_recorded(run)


def test_a_run_with_no_requests_is_refused(run: Path) -> None:
    table = pq.read_table(run / "requests.parquet").slice(0, 0)
    pq.write_table(table, run / "requests.parquet")
    with pytest.raises(BadInput, match="no requests"):
        read_recorded(run)
