"""The same answer from one process, from two, and from a Dask cluster, also when one of its workers is killed.

The tests of a cluster need the optional package `distributed`.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulator.engines import Dask, Engine, Local, engine_of
from simulator.fleet import play_fleet
from simulator.trials import Plan, try_rules
from simulator.trip_times import curve_points
from tests.simulator.test_fleet import lab, same, scenario
from tripcurve.errors import BadInput, TargetLost
from tripcurve.lab import load_lab

PLAN = Plan({"hard-fail": 1.0}, 5.0, 2.0, 2.0, 0.01, healthy_s=1000.0, seeds=(0, 1, 2))

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask is not installed: pip install 'tripcurve[dask]'"
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two worker processes on loopback."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as found:
        yield found


def test_results_come_in_the_order_of_the_jobs() -> None:
    for engine in (Local(1), Local(2)):
        assert engine.map(str, range(5)) == ["0", "1", "2", "3", "4"]
    assert Local().map(str, []) == []


@pytest.mark.parametrize(
    ("name", "scheduler", "message"),
    [
        ("ray", None, "--engine 'ray' is not known; give one of: local, dask"),
        ("local", "tcp://localhost:1", "--scheduler goes with --engine dask only"),
        ("dask", None, "--engine dask needs --scheduler ADDRESS"),
    ],
)
def test_an_unusable_engine_is_refused(name: str, scheduler: str | None, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        engine_of(name, scheduler)


def test_without_dask_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadInput, match=r"pip install 'tripcurve\[dask\]'"):
        engine_of("dask", "tcp://127.0.0.1:1")


@needs_dask
def test_a_cluster_gives_exactly_the_result_of_one_process(cluster: Any) -> None:
    many, engine = (lab(200), scenario()), engine_of("dask", cluster.scheduler_address)
    assert same(play_fleet(*many, seed=3, engine=engine), play_fleet(*many, seed=3, engine=Local(1)))
    quick = load_lab("quick")
    rules = [None, quick.backends[0].breaker]
    assert try_rules(quick, rules, PLAN, engine) == try_rules(quick, rules, PLAN, Local(1))
    assert curve_points(quick, (20.0,), 3, range(20), engine) == curve_points(quick, (20.0,), 3, range(20))


@needs_dask
def test_a_killed_worker_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    engine, mark = KillingOnce(Dask(cluster.scheduler_address), tmp_path / "killed"), tmp_path / "killed"
    found = play_fleet(lab(200), scenario(), seed=3, engine=engine)
    assert mark.exists(), "a worker was killed while it computed"
    assert same(found, play_fleet(lab(200), scenario(), seed=3, engine=Local(1)))


@needs_dask
def test_a_job_that_kills_every_worker_ends_with_a_message(cluster: Any) -> None:
    with pytest.raises(TargetLost, match="the workers died while they computed"):
        Dask(cluster.scheduler_address).map(kill, [0])


@needs_dask
def test_a_missing_scheduler_gives_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.engines.CONNECT_S", 0.3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(BadInput, match=f"--scheduler {address}: no Dask scheduler answers there"):
        Dask(address).map(str, [1])
    with pytest.raises(BadInput, match="no Dask scheduler answers there"):
        Dask("warp://nowhere").map(str, [1])


@needs_dask
def test_a_cluster_without_workers_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty:
        monkeypatch.setattr("simulator.engines.CONNECT_S", 0.3)
        with pytest.raises(BadInput, match="the cluster has no worker"):
            Dask(empty.scheduler_address).map(str, [1])


class KillingOnce:
    """An engine whose first job kills the process that computes it."""

    def __init__(self, engine: Engine, mark: Path) -> None:
        self._engine, self._mark = engine, mark

    def map(self, function: Any, jobs: Any) -> Any:
        return self._engine.map(partial(kill_once, self._mark, function), jobs)


def kill_once(mark: Path, function: Any, job: Any) -> Any:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return function(job)
    return kill(job)


def kill(job: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
