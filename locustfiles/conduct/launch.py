"""Starts a process's part of the traffic: what the process that is alone and a worker have in common."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

from locust.env import Environment

from locustfiles.conduct.plan import Plan
from locustfiles.conduct.traffic import Traffic
from locustfiles.live import locust_stats
from locustfiles.pacing.schedule import Share
from locustfiles.recording.recorder import Batch, Recorder, warm_up
from tripcurve.errors import TripcurveError

__all__ = ["end_traffic", "launch", "make_ready"]

GC_THRESHOLDS = (20_000, 20, 50)
"""Requests leave few cycles behind: the default, every 700 objects, looks for garbage that is not there."""

Listener = Callable[[Batch], None]


def make_ready() -> None:
    """Do what is slow, before the instant the run starts at is named."""
    warm_up()
    gc.collect()
    gc.freeze()  # what stands now is not looked at again: collections stay short
    gc.set_threshold(*GC_THRESHOLDS)


def launch(
    environment: Environment,
    plan: Plan,
    share: Share,
    shard: Path,
    listener: Listener,
    failed: Callable[[TripcurveError], None],
) -> Traffic:
    """Traffic under way, where Locust's users find it. Raises RecordingFailed when the shard cannot be written."""

    def observe(batch: Batch) -> None:
        traffic.observe(batch)
        locust_stats.feed(environment.stats, batch)
        _feed_calls(environment, traffic)
        listener(batch)

    traffic = Traffic(plan, share, Recorder(shard, (observe,)), failed)
    environment.traffic = traffic  # type: ignore[attr-defined]  # users know nothing but their environment
    # A user that a falling load takes away ends its turn first: it is no lost row.
    environment.stop_timeout = plan.scenario.timeout + 1
    traffic.start()
    return traffic


def end_traffic(environment: Environment, traffic: Traffic, grace_s: float) -> None:
    """No more arrivals, the answers under way awaited, the shard closed. Raises RecordingFailed."""
    traffic.drain(grace_s)
    environment.stop_timeout = 0  # nobody is under way: Locust need not wait for anyone
    traffic.finish()
    _feed_calls(environment, traffic)  # a last call may end after the last row is flushed
    gc.unfreeze()


def _feed_calls(environment: Environment, traffic: Traffic) -> None:
    locust_stats.feed_calls(environment.stats, traffic.take_calls(), traffic.plan.clock.offset_ns)
