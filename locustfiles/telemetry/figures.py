"""The values of the metrics of a run under way, from the live figures of the main process.

In a distributed run these are the sums over all workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic_ns
from typing import NamedTuple

from locust.env import Environment

from locustfiles.live.board import Board, FollowedRun
from locustfiles.live.counts import FLUSHED_NS, KINDS, Live
from locustfiles.live.locust_stats import ANSWERED_BY
from locustfiles.telemetry.metrics import FIRST_TOKEN, LATENCY, LATENCY_BOUNDS_S, METRICS, PER_TOKEN, Metric
from tripcurve import __version__

__all__ = ["Distribution", "Figure", "Figures"]

FULL_SERVICE = 0.99
"""The least share of 2xx answers in a second without outage, as in the report's measure `outage_s`."""


class Figure(NamedTuple):
    """One value of a metric. `labels`: the values of the metric's labels, in its order."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


class Distribution(NamedTuple):
    """One distribution of a histogram. `counts`: how many were up to each of `bounds_s`, and then how many in all."""

    metric: Metric
    labels: tuple[str, ...]
    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]
    sum_s: float


class Figures:
    """Reads the values. They describe the run under way, or the one that ended last."""

    def __init__(self, environment: Environment, board: Board) -> None:
        self._environment = environment
        self._board = board
        self._outage = _Outage()

    def read(self) -> list[Figure]:
        """Return the value of every metric. Those of a run are left out if there was none yet."""
        run, runner = self._board.run, self._environment.runner
        found = [_figure("tripcurve.users", 0 if runner is None else runner.user_count)]
        if run is None:
            return found
        found += [_figure("tripcurve.requests", run.live.totals[kind], kind) for kind in KINDS]
        for kind, n in (("input", run.live.tokens.input), ("output", run.live.tokens.output)):
            found.append(_figure("tripcurve.tokens", n, kind))
        load = self._board.load
        for state, n in (("due", load.due), ("sent", load.sent), ("dropped", load.dropped)):
            found.append(_figure("tripcurve.arrivals", n, state))
        if load.late_p99_ms is not None:
            found.append(_figure("tripcurve.lateness.p99", load.late_p99_ms / 1000))
        rate = run.configured_rate()
        found += [] if rate is None else [_figure("tripcurve.configured.rate", rate)]
        found.append(_figure("tripcurve.outage", self._outage.seconds(run)))
        return [*found, *_states(run), *_names(run)]

    def distributions(self) -> Iterator[Distribution]:
        """Yield the distributions of every histogram that has values."""
        yield from self.latencies()
        run = self._board.run
        if run is not None:
            tokens = run.live.tokens
            for metric, spread in ((FIRST_TOKEN, tokens.first), (PER_TOKEN, tokens.per_token)):
                counts = tuple(spread.counts.cumsum().tolist())
                if counts[-1]:
                    yield Distribution(metric, (), spread.bounds_s, counts, spread.sum_us / 1e6)

    def latencies(self) -> Iterator[Distribution]:
        """Yield the latencies of each user class and origin, from Locust's statistics, which round them."""
        origins = {words: origin for origin, words in ANSWERED_BY.items()}
        for entry in list(self._environment.stats.entries.values()):
            user, _, words = entry.name.rpartition(" · ")
            if words in origins and entry.response_times:
                times = entry.response_times.items()
                within = [sum(n for ms, n in times if ms <= bound * 1000) for bound in LATENCY_BOUNDS_S]
                counts = (*within, entry.num_requests)
                total_s = entry.total_response_time / 1000
                yield Distribution(LATENCY, (user, origins[words]), LATENCY_BOUNDS_S, counts, total_s)


class _Outage:
    """Counts the seconds of a run with an outage. Asked at least every few minutes, it needs the last seconds only."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._counted, self._seconds = -1, 0

    def seconds(self, run: FollowedRun) -> int:
        """Return how many full seconds, of those whose answers are all known, had an outage."""
        if run.live is not self._live:
            self._live, self._counted, self._seconds = run.live, -1, 0
        since_ns = run.now_ns() - run.timeline.start_ns - FLUSHED_NS
        last = since_ns // 1_000_000_000 - 1 if run.ended_ns is None else float("inf")
        for each in list(run.live.seconds):
            if self._counted < each.second <= last:
                self._counted = each.second
                self._seconds += each.counts["2xx"] < FULL_SERVICE * each.counts.total()
        return self._seconds


def _figure(name: str, value: float, *labels: str) -> Figure:
    return Figure(METRICS[name], labels, +value)  # a bool becomes a number, which OpenTelemetry can encode


def _states(run: FollowedRun) -> Iterator[Figure]:
    for state in run.states():
        labels = (state.backend, "" if state.unit is None else str(state.unit))
        yield _figure("tripcurve.breaker.open", state.open and run.ended_ns is None, *labels)
        yield _figure("tripcurve.breaker.trips", state.trips, *labels)


def _names(run: FollowedRun) -> Iterator[Figure]:
    under_way, plan = run.ended_ns is None, run.plan
    now = run.timeline.at(monotonic_ns()).phase.name
    for phase in plan.scenario.phases:
        yield _figure("tripcurve.phase", under_way and phase.name == now, phase.name)
    yield _figure("tripcurve.run", under_way, plan.lab.name, plan.scenario.name, plan.target.kind, __version__)
