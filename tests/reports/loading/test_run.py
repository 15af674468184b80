"""What a run directory may hold: cut short, damaged, of another version, or wrong about time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from locustfiles.recording.shards import join_shards
from reports.loading.run import load
from reports.statistics.summary import summarise
from reports.trips.analysis import analyse
from tests.reports.runs import RULE, TRIP, fault, lab_of, scenario_of, write, write_long
from tests.reports.trips.test_truth import misses
from tripcurve.errors import BadInput, TripcurveError
from tripcurve.run.info import Probing, RunInfo
from tripcurve.run.record import SCHEMA


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("written") / "run", lab_of(), TRIP)


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A run directory to damage."""
    return Path(shutil.copytree(written, tmp_path / "run"))


def rows(folder: Path) -> pa.Table:
    with ipc.open_stream((folder / "requests-0.arrows").read_bytes()) as stream:
        return stream.read_all().cast(SCHEMA)


def keep(folder: Path, table: pa.Table) -> None:
    """The run's requests as one Parquet file instead of shards."""
    pq.write_table(table, folder / "requests.parquet")
    for shard in folder.glob("requests-*.arrows"):
        shard.unlink()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a run directory"):
        load(tmp_path / "nowhere")


def test_a_folder_without_requests_says_which_files_are_missing(folder: Path) -> None:
    (folder / "requests-0.arrows").unlink()
    with pytest.raises(BadInput, match="has no requests"):
        load(folder)


@pytest.mark.parametrize("count", [0, 1])
def test_a_run_of_no_or_one_request_is_reported(folder: Path, count: int) -> None:
    keep(folder, rows(folder).slice(0, count))
    run = load(folder)
    analysis = analyse(run)
    summary = summarise(run, analysis, [])
    assert summary["requests"]["total"] == count
    assert summary["trips"] == []
    assert summary["time_to_trip_s"]["median"] is None


def test_dense_probes_do_not_count_in_the_traffics_figures(folder: Path) -> None:
    table = rows(folder)
    before = summarise(load(folder), analyse(load(folder)), [])
    chosen = table.filter(pc.equal(table["status"], 503)).slice(0, 20)
    assert len(chosen) == 20
    keep(folder, pa.concat_tables([table, _as_dense_probes(chosen)]).unify_dictionaries().sort_by("start_ns"))
    _count_probes(folder, 20)
    run = load(folder)
    after = summarise(run, analyse(run), [])
    for figure in ("requests", "sheds", "ratio_503_429", "absorption", "latency_ms", "phases", "trips"):
        assert after[figure] == before[figure]


def test_dense_probes_of_a_killed_run_are_in_no_figure_of_the_traffic(folder: Path) -> None:
    table = rows(folder)
    probes = _as_dense_probes(table.filter(pc.equal(table["status"], 503)).slice(0, 20))
    keep(folder, pa.concat_tables([table, probes]).unify_dictionaries().sort_by("start_ns"))
    (folder / "run.json").unlink()
    run = load(folder)
    assert run.tally.total == len(table)
    assert [note for note in summarise(run, analyse(run), [])["notes"] if note.startswith("20 dense probes timed")]


def test_the_recovery_that_clients_saw_is_that_of_the_traffic(folder: Path) -> None:
    table = rows(folder)
    *_, before = summarise(load(folder), analyse(load(folder)), [])["trips"]
    served = table.filter(pc.and_(pc.equal(table["status"], 200), pc.greater(table["start_ns"], _last_shed_ns(table))))
    early = served.slice(0, 1)
    at = pa.array([_last_shed_ns(table) + 1000], pa.int64())
    early = early.set_column(0, SCHEMA.field("start_ns"), at)
    probe = _as_dense_probes(early)
    keep(folder, pa.concat_tables([table, probe]).unify_dictionaries().sort_by("start_ns"))
    _count_probes(folder, 1)
    *_, after = summarise(load(folder), analyse(load(folder)), [])["trips"]
    assert after["reset_s"]["high"] < before["reset_s"]["high"]  # the probe bounds the reset
    served_s = [trip["reset_s"]["estimate"] + trip["recovery_latency_s"] for trip in (before, after)]
    assert served_s[0] == pytest.approx(served_s[1], abs=1e-6)


def _last_shed_ns(table: pa.Table) -> int:
    return int(pc.max(table.filter(pc.equal(table["status"], 503))["start_ns"]).as_py())


def _as_dense_probes(table: pa.Table) -> pa.Table:
    at = SCHEMA.get_field_index("intended_ns")
    table = table.set_column(at, SCHEMA.field("intended_ns"), table["start_ns"])
    users = pa.array(["ProbeUser"] * len(table)).dictionary_encode()
    return table.set_column(SCHEMA.get_field_index("user"), SCHEMA.field("user"), users)


def _count_probes(folder: Path, requests: int) -> None:
    info = RunInfo.read(folder)
    assert info is not None
    info.probing = Probing(requests=requests, answered=1)
    info.counts = None
    info.write(folder)


def test_a_killed_run_is_read_to_its_last_whole_batch(folder: Path) -> None:
    shard = folder / "requests-0.arrows"
    shard.write_bytes(shard.read_bytes()[: int(shard.stat().st_size * 0.7)])
    (folder / "run.json").unlink()
    run = load(folder)
    assert 0 < len(run.requests) < 1100
    assert any("ends early" in note for note in run.notes)
    assert any("run.json is missing" in note for note in run.notes)
    assert not misses(analyse(run))


@pytest.mark.parametrize("content", [b"", b"no arrow at all", b"\xff" * 5000])
def test_a_shard_that_is_not_an_arrow_file_is_noted_and_empty(folder: Path, content: bytes) -> None:
    (folder / "requests-0.arrows").write_bytes(content)
    run = load(folder)
    assert run.requests.empty
    assert any("ends early" in note for note in run.notes)


def test_a_damaged_parquet_file_falls_back_on_the_shards(folder: Path) -> None:
    (folder / "requests.parquet").write_bytes(b"PAR1 and then nothing")
    run = load(folder)
    assert len(run.requests) == 1100
    assert any("damaged" in note for note in run.notes)


def test_one_bit_wrong_in_a_parquet_file_falls_back_on_the_shards(folder: Path) -> None:
    join_shards(folder)
    whole = (folder / "requests.parquet").read_bytes()
    for place in range(100, len(whole) // 2, 997):
        one_bit = bytes([whole[place] ^ 1])
        (folder / "requests.parquet").write_bytes(whole[:place] + one_bit + whole[place + 1 :])
        run = load(folder)
        assert run.tally.total == 1100
        assert any("damaged" in note for note in run.notes), place


def test_a_damaged_parquet_file_without_shards_is_named(folder: Path) -> None:
    (folder / "requests-0.arrows").unlink()
    (folder / "requests.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(BadInput, match=r"requests\.parquet is damaged"):
        load(folder)


def test_a_missing_column_is_named(folder: Path) -> None:
    keep(folder, rows(folder).drop_columns(["status"]))
    with pytest.raises(BadInput, match="the column 'status' is missing"):
        load(folder)


def test_a_record_of_a_newer_version_is_refused(folder: Path) -> None:
    keep(folder, rows(folder).replace_schema_metadata({"tripcurve.schema": "99"}))
    with pytest.raises(BadInput, match="version 99"):
        load(folder)


def test_a_column_of_another_type_is_refused(folder: Path) -> None:
    table = rows(folder)
    words = pa.array(["soon"] * len(table))
    keep(folder, table.set_column(table.column_names.index("latency_us"), "latency_us", words))
    with pytest.raises(BadInput, match="does not have the type"):
        load(folder)


def changed(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    kind = SCHEMA.field(name).type
    column = pa.array(values).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(values, kind)
    return table.set_column(table.column_names.index(name), name, column)


def test_an_unknown_origin_is_refused(folder: Path) -> None:
    table = rows(folder)
    keep(folder, changed(table, "origin", ["elsewhere"] * len(table)))
    with pytest.raises(BadInput, match="has values other than backend, gateway, client"):
        load(folder)


def test_a_column_with_gaps_is_refused(folder: Path) -> None:
    table = rows(folder)
    keep(folder, changed(table, "start_ns", [None, *table["start_ns"].to_pylist()[1:]]))
    with pytest.raises(BadInput, match="start_ns"):
        load(folder)


def test_a_start_years_after_the_run_is_refused_before_it_fills_the_memory(folder: Path) -> None:
    table = rows(folder)
    keep(folder, changed(table, "start_ns", [*table["start_ns"].to_pylist()[:-1], 4_000_000_000_000_000_000]))
    with pytest.raises(BadInput, match="its clock was wrong"):
        load(folder)


def test_a_shard_that_shrinks_while_it_is_read_is_reported(folder: Path) -> None:
    run = load(folder)
    shard = folder / "requests-0.arrows"
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    with pytest.raises(TripcurveError, match="cut or moved"):
        run.records.read()


def test_requests_that_end_before_they_begin_are_left_out_with_a_note(folder: Path) -> None:
    table = rows(folder)
    latency = table["latency_us"].to_numpy().copy()
    latency[:7] = -5
    at = table.column_names.index("latency_us")
    keep(folder, table.set_column(at, SCHEMA.field("latency_us"), pa.array(latency, pa.int32())))
    run = load(folder)
    assert len(run.requests) == 1100 - 7
    assert any("7 requests ended before they began" in note for note in run.notes)


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_run_json_that_is_not_an_object_is_refused_with_a_remedy(folder: Path, content: str) -> None:
    (folder / "run.json").write_text(content)
    with pytest.raises(BadInput, match="remove it"):
        load(folder)


def shift(folder: Path, worker: int, offset_ns: int) -> None:
    """Let a worker's clock go ahead."""
    path = folder / f"requests-{worker}.arrows"
    with ipc.open_stream(path.read_bytes()) as stream:
        table = stream.read_all().cast(SCHEMA)
    for name in ("start_ns", "intended_ns"):
        moved = pa.array(table[name].to_numpy() + offset_ns, pa.int64())
        table = table.set_column(table.column_names.index(name), SCHEMA.field(name), moved)
    with pa.OSFile(str(path), "wb") as sink, ipc.new_stream(sink, SCHEMA) as stream:
        stream.write_table(table.unify_dictionaries())


def clock(worker: int, offset_ns: int) -> dict[str, Any]:
    return {"worker": worker, "clock": {"offset_ns": offset_ns, "half_width_ns": 2_000_000 * (worker > 0)}}


def tell(folder: Path, workers: list[dict[str, Any]]) -> None:
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(info | {"workers": workers}))


@pytest.mark.parametrize("seed", range(4))
def test_workers_clocks_are_corrected_and_their_uncertainty_widens_the_intervals(tmp_path: Path, seed: int) -> None:
    folder = write(tmp_path / "run", lab_of(), TRIP, seed=seed, workers=3)
    plain = analyse(load(folder))
    offsets_ns = np.array([0, 40_000_000, -25_000_000])
    for worker, error_ns in ((1, 1_500_000), (2, -1_900_000)):
        shift(folder, worker, int(offsets_ns[worker]) + error_ns)
    tell(folder, [clock(w, int(offsets_ns[w])) for w in range(3)])
    run = load(folder)
    analysis = analyse(run)
    assert not misses(analysis)
    assert len(analysis.trips) == len(plain.trips)
    assert any("within 2.000 ms" in note for note in run.notes)


def test_rows_already_corrected_are_not_moved_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", lab_of(), TRIP)
    before = load(folder).requests["start_ns"]
    clock = {"offset_ns": 9_000_000_000, "half_width_ns": 1000, "corrected": True}
    tell(folder, [{"worker": 0, "rows": 1100, "lost": False, "clock": clock}])
    assert load(folder).requests["start_ns"].equals(before)


def test_sheds_are_found_by_status_if_no_answer_names_its_backend(folder: Path) -> None:
    table = rows(folder)
    for name, value in (("origin", "gateway"), ("backend", None)):
        kind = SCHEMA.field(name)
        column = pa.array([value] * len(table), pa.string()).dictionary_encode().cast(kind.type)
        table = table.set_column(table.column_names.index(name), kind, column)
    keep(folder, table)
    run = load(folder)
    assert any("distinguished by status" in note for note in run.notes)
    analysis = analyse(run)
    assert len(analysis.trips) == 4
    assert not misses(analysis)


def test_thousands_of_trips_are_found_and_matched(tmp_path: Path) -> None:
    rule = RULE | {"count": 1, "trip_duration": 0.02}
    scenario = scenario_of({"for": 50, "simulate": fault()}, rate=200)
    run = load(write_long(tmp_path / "run", lab_of(rule, median_ms=0), scenario))
    analysis = analyse(run)
    assert len(analysis.trips) > 1_900
    assert not misses(analysis)


def test_an_answer_that_broke_off_is_not_a_recovery(folder: Path) -> None:
    before = analyse(load(folder)).trips[-1]
    assert before.reset_s is not None
    table = rows(folder)
    passed_s = table["start_ns"].to_numpy() / 1e9 - load(folder).start_ns / 1e9 - before.reset_s.estimate
    soon = (passed_s > -0.1) & (passed_s < 0.1) & (table["status"].to_numpy() == 200)
    keep(folder, changed(table, "error", ["Incomplete" if broken else None for broken in soon]))
    trip = analyse(load(folder)).trips[-1]
    assert before.recovery_latency_s is not None
    assert before.recovery_latency_s < 0.1
    assert trip.recovery_latency_s is not None
    assert trip.recovery_latency_s > 0.1
