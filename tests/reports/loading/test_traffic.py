"""The requests of a run as arrays: the same as its rows, in pieces or whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reports.loading.run import load
from reports.loading.traffic import traffic_of
from reports.statistics.tally import OUTCOMES
from tests.reports.runs import TRIP, lab_of, write


def test_the_requests_of_each_phase_are_those_of_its_rows(tmp_path: Path) -> None:
    run = load(write(tmp_path / "run", lab_of(), TRIP, seed=1))
    traffic, rows = traffic_of(run), run.requests
    assert set(traffic) == set(rows["phase"])
    for name, own in traffic.items():
        expected = rows[rows["phase"] == name]
        assert np.allclose(np.sort(own.due_s), np.sort((expected["intended_ns"] - run.start_ns) / 1e9))
        assert np.bincount(own.status).tolist() == np.bincount(expected["status"]).tolist()
        assert own.tokens_in.sum() == expected["prompt_tokens"].sum()
        assert int((own.outcome == OUTCOMES.index("shed")).sum()) == int(expected["shed"].sum())
        waited = expected["latency_us"] / 1000 + (expected["start_ns"] - expected["intended_ns"]).clip(lower=0) / 1e6
        assert np.allclose(np.sort(own.latency_ms), np.sort(waited))


def test_small_pieces_give_the_same(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", lab_of(), TRIP, seed=1)
    whole, pieces = traffic_of(load(folder)), traffic_of(load(folder, piece_rows=100))
    for name, own in whole.items():
        assert np.array_equal(np.sort(own.due_s), np.sort(pieces[name].due_s))
        assert int(own.served.sum()) == int(pieces[name].served.sum())
