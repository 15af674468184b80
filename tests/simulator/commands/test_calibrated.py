"""`tripcurve simulate --from RUN`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.commands.calibrated import simulate_from
from simulator.commands.simulate import simulate
from tripcurve.errors import BadInput


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate("quick", "trip-and-recover", seed=5, run_dir=tmp_path_factory.mktemp("recorded") / "run")[0]


def starts(folder: Path) -> list[int]:
    """Return when each request of the traffic was sent, unix ns."""
    rows = pq.read_table(folder / "requests.parquet").to_pandas()
    return sorted(rows[rows["user"] != "ProbeUser"]["start_ns"])


def test_a_replay_sends_every_request_at_its_recorded_instant(run: Path, tmp_path: Path) -> None:
    folder, _ = simulate_from(run, replay=True, run_dir=tmp_path / "again")
    pairs = zip(starts(run), starts(folder), strict=True)
    assert max(abs(one - other) for one, other in pairs) <= 1000, "a microsecond, from seconds as floats"


def test_the_simulated_trips_lie_beside_the_recorded_ones(run: Path, tmp_path: Path) -> None:
    _, result = simulate_from(run, run_dir=tmp_path / "again")
    trips = result["simulated_trips_s"]
    assert isinstance(trips, list)
    assert trips[0] == pytest.approx(5.05, abs=0.06), "the third 429 of a fault that begins at 5 s"
    assert result["recorded_trips_s"] is None, "the run has no report"


def test_the_fit_is_kept_in_the_run(run: Path, tmp_path: Path) -> None:
    folder, _ = simulate_from(run, run_dir=tmp_path / "again")
    fitted = json.loads((folder / "calibration.json").read_text("utf-8"))
    assert fitted["run"] == str(run)
    assert fitted["services"][0]["n"] > 100
    assert (folder / "quantiles.svg").read_text("utf-8").startswith("<svg")
    info = json.loads((folder / "run.json").read_text("utf-8"))
    assert info["simulation"]["calibrated_from"] == str(run)


def test_a_folder_that_is_not_a_run_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        simulate_from(tmp_path / "nowhere", run_dir=tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_run_of_a_trace_can_only_be_replayed(tmp_path: Path) -> None:
    recorded, _ = simulate("quick", "replay", run_dir=tmp_path / "run")
    with pytest.raises(BadInput, match=r"this run replayed a trace.*add --replay"):
        simulate_from(recorded, run_dir=tmp_path / "again")
    folder, _ = simulate_from(recorded, replay=True, run_dir=tmp_path / "again")
    assert len(starts(folder)) == 178
