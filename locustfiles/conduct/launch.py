"""Starts and ends a process's part of the traffic, in a worker as well as in a run without workers."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

from locust.env import Environment

from locustfiles.conduct.plan import Plan
from locustfiles.conduct.traffic import Traffic
from locustfiles.live import locust_stats
from locustfiles.recording.recorder import Batch, Recorder
from locustfiles.telemetry.answers import answer_exporter
from tripcurve.errors import TripcurveError

__all__ = ["end_traffic", "launch", "make_ready"]

GC_THRESHOLDS = (20_000, 20, 50)
"""Requests leave few reference cycles, so the default of one collection per 700 objects finds no garbage."""

Listener = Callable[[Batch], object]


def make_ready() -> None:
    """Collect and freeze garbage, which is slow, before the run's start instant is chosen."""
    gc.collect()
    gc.freeze()  # later collections skip the present objects, and so stay short
    gc.set_threshold(*GC_THRESHOLDS)


def launch(
    environment: Environment,
    plan: Plan,
    worker: int,
    shard: Path,
    listener: Listener,
    failed: Callable[[TripcurveError], None],
) -> Traffic:
    """Start the traffic of process `worker` and return it; users find it as `environment.traffic`.

    It sends no arrivals before they are dealt to it. `listener` gets each batch of rows. `failed` is called with an
    error that ends the run early. Raises RecordingFailed if the shard cannot be written.
    """

    exporter = answer_exporter(environment, plan)

    def observe(batch: Batch) -> None:
        traffic.observe(batch)
        locust_stats.feed(environment.stats, batch)
        _feed_calls(environment, traffic)
        listener(batch)
        if exporter is not None:
            exporter(batch)

    traffic = Traffic(plan, worker, Recorder(shard, (observe,)), failed)
    environment.traffic = traffic  # type: ignore[attr-defined]  # Locust hands users only their environment
    # A user that Locust stops because the load falls finishes its turn first, so that no row is lost.
    environment.stop_timeout = plan.scenario.timeout + 1
    traffic.start()
    return traffic


def end_traffic(environment: Environment, traffic: Traffic, grace_s: float) -> None:
    """Stop arrivals, wait up to `grace_s` seconds for answers, and close the shard. Raises RecordingFailed."""
    traffic.drain(grace_s)
    environment.stop_timeout = 0  # no request is under way, so Locust need not wait for users
    traffic.finish()
    _feed_calls(environment, traffic)  # the last call may end after the last flush
    gc.unfreeze()


def _feed_calls(environment: Environment, traffic: Traffic) -> None:
    locust_stats.feed_calls(environment.stats, traffic.take_calls(), traffic.plan.clock.offset_ns)
