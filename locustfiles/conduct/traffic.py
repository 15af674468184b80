"""The traffic of one process in one run: its lanes, phases, clients and recorder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import dropwhile
from time import monotonic_ns
from typing import Protocol

import gevent

from locustfiles.conduct.dense_probes import DenseProbes
from locustfiles.conduct.plan import Plan
from locustfiles.http.address import Address
from locustfiles.http.answer import Answer, CallResult
from locustfiles.http.client import Client, Deadlines
from locustfiles.http.heads import JSON, RequestHeads
from locustfiles.http.reading import MOST_INT32, NO_USAGE, Reader, Usage
from locustfiles.live.load import Load
from locustfiles.pacing.lane import Lane
from locustfiles.pacing.schedule import Share, derived_rng, phase_arrivals, probe_arrivals
from locustfiles.pacing.sharpening import Sharpener, reason_not_to_probe
from locustfiles.pacing.timeline import Stretch, Timeline
from locustfiles.recording.recorder import FLUSH_S, Batch, Recorder
from locustfiles.recording.tally import Tally
from locustfiles.users.prompts import Prompt, Prompts, SizedPrompts
from tripcurve.errors import TripcurveError
from tripcurve.run.info import Probing
from tripcurve.run.record import Row
from tripcurve.scenario.trace import Trace

__all__ = ["Traffic"]

PATIENCE_S = 5.0
"""How long an arrival waits for a free user before it is dropped."""
MOST_WORKERS = 1000
"""Probe users of different workers have different numbers up to this many workers."""


class Closeable(Protocol):
    """Something that is closed when the run ends."""

    def close(self) -> None: ...


class Traffic:
    """The state that all users of this process share.

    `worker`: the number of this process among the run's processes that send. It sends the arrivals of the phases that
    `deal` is called for. `failed` is called with an error that ends the run early.
    """

    def __init__(self, plan: Plan, worker: int, recorder: Recorder, failed: Callable[[TripcurveError], None]) -> None:
        self.plan = plan
        self.worker = worker
        self.dealt: list[int] = []
        """The phases that `deal` was called for, in order."""
        self.recorder = recorder
        self.tally = Tally()
        self.closed = False
        self.shared: dict[str, Closeable] = {}
        """Objects that users share, by name. Each is closed at the end of the run."""
        self.timeline = Timeline(plan.scenario, plan.clock.monotonic(plan.start_ns))
        self.stretch = self.timeline.stretches[0]
        self.address = Address.of_url(plan.target.gateway_url, plan.target.ca_file)
        self.reader = Reader(plan.lab)
        self.in_flight = 0
        self._calls: list[CallResult] = []
        self._failed = failed
        self._offset_ns = plan.clock.offset_ns
        self._deadlines = Deadlines()
        rng = derived_rng(plan.scenario, worker, "shares")
        self._heads = [RequestHeads(p, plan.lab, rng, f"{plan.start_ns:x}-{p.name}") for p in plan.scenario.phases]
        self._prompts: dict[bool, Prompts] = {}
        self._sized_prompts: dict[bool, SizedPrompts] = {}
        self.lane = self._lane(iter(()), PATIENCE_S, self._count_drop)
        self._probes: list[Lane] = []
        self._greenlets: list[gevent.Greenlet] = []
        self._probing = _probing(plan, worker, self)
        if plan.trace is not None:  # the first request would be late
            for stream in (False, True):
                self.prompts(stream)

    def _lane(
        self, due_s: Iterator[float], patience_s: float, on_drop: Callable[[int], None] = lambda due_ns: None
    ) -> Lane:
        return Lane(self._instants(due_s), patience_s, on_drop)

    def _instants(self, due_s: Iterator[float]) -> Iterator[int]:
        start = self.timeline.start_ns
        return (start + round(due * 1e9) for due in due_s)

    def deal(self, phase: int, share: Share) -> None:
        """Take a share of a phase, given by its index. Call this at most once for each phase, in their order.

        Arrivals that are already due are sent late, or dropped like others that no user takes in time.
        """
        scenario = self.plan.scenario
        self.dealt.append(phase)
        self.lane.append(self._instants(phase_arrivals(scenario, phase, self.worker, share, self.plan.trace)))
        if phase == self.stretch.index:
            self._enter(self.stretch)

    def _count_drop(self, due_ns: int) -> None:
        self.tally.dropped_by_phase[self.timeline.at(due_ns).phase.name] += 1

    def probe_lane(self) -> Lane:
        """Return a new probe user's lane, from now on. A probe waits at most until the next one is due."""
        scenario = self.plan.scenario
        number = self.worker + MOST_WORKERS * len(self._probes)
        into_s = (monotonic_ns() - self.timeline.start_ns) / 1e9
        beats = dropwhile(lambda due: due < into_s, probe_arrivals(scenario.probe, number, scenario.duration_s))
        lane = self._lane(beats, 1 / scenario.probe.rate)
        self._probes.append(lane)
        lane.start()
        return lane

    @property
    def _lanes(self) -> list[Lane]:
        return [self.lane, *self._probes]

    def start(self) -> None:
        """Start the lanes, and the greenlets for deadlines, phases, flushes and dense probes."""
        self._enter(self.stretch)
        self.lane.start()
        self._greenlets = [gevent.spawn(run) for run in (self._deadlines.run, self._follow_phases, self._flush)]
        if self._probing is not None:
            self._greenlets.append(gevent.spawn(self._probing.run))

    def _follow_phases(self) -> None:
        for stretch in self.timeline.stretches[1:]:
            gevent.sleep(max(stretch.begin_ns - monotonic_ns(), 0) / 1e9)
            self._enter(stretch)

    def _enter(self, stretch: Stretch) -> None:
        self.stretch = stretch
        if stretch.phase.users is not None and stretch.index in self.dealt:
            self.lane.begin_closed_loop(stretch.end_ns)

    def _flush(self) -> None:
        try:
            while True:
                gevent.sleep(FLUSH_S)
                self.recorder.flush()
        except TripcurveError as error:
            for lane in self._lanes:
                lane.finish()  # later requests could not be recorded
            self._failed(error)

    def observe(self, batch: Batch) -> None:
        """Count how late the paced requests of a batch were: a listener of the recorder."""
        late = batch.start_ns - batch.intended_ns
        self.tally.lateness.add(late[late != 0])

    def client(self) -> Client:
        """Return a client for a new user."""
        return Client(self.address, self.plan.scenario.timeout, self._deadlines)

    def prompts(self, stream: bool = False, arrival_ns: int | None = None) -> Prompt:
        """Return the prompts of this process's users, for streamed or whole answers. The first call makes them.

        `arrival_ns`: when the user's arrival was due, monotonic ns; in a trace, its request has the size of that time.
        """
        if self.plan.trace is not None:
            return self._sized(self.plan.trace, stream, arrival_ns)
        if stream not in self._prompts:
            tokens, rng = self.plan.scenario.tokens, derived_rng(self.plan.scenario, self.worker, f"prompts/{stream}")
            self._prompts[stream] = Prompts(rng, tokens.prompt, tokens.completion, self.plan.target, stream)
        return self._prompts[stream]

    def _sized(self, trace: Trace, stream: bool, arrival_ns: int | None) -> Prompt:
        tokens = self.plan.scenario.tokens
        if stream not in self._sized_prompts:
            rng, longest = derived_rng(self.plan.scenario, self.worker, f"prompts/{stream}"), int(trace.prompt.max())
            self._sized_prompts[stream] = SizedPrompts(rng, max(longest, tokens.prompt), self.plan.target, stream)
        sizes = (0, 0) if arrival_ns is None else trace.sizes(arrival_ns - self.timeline.start_ns)
        return self._sized_prompts[stream].next(sizes[0] or tokens.prompt, sizes[1] or tokens.completion)

    def head(self, length: int, accept: str = JSON, path: str | None = None) -> bytes:
        """Return the head of a request sent now, with the current phase's faults.

        `length`: bytes of its body. `path`: path and query of the operation; None: chat completions.
        """
        stretch = self.timeline.at(monotonic_ns())
        return self._heads[stretch.index].head(self.plan.target, self.address, length, accept, path)

    def simulation(self) -> str | None:
        """Return the simulation header's value for a request that is sent now, or None for no header."""
        return self._heads[self.timeline.at(monotonic_ns()).index].simulation()

    def record(
        self,
        answer: Answer,
        user: str,
        intended_ns: int | None,
        usage: Usage | None = None,
        first_byte_ns: int | None = None,
        probe: bool = False,
    ) -> None:
        """Record one attempt as a row.

        `intended_ns`: when it was due, monotonic ns; None: closed loop, or a retry. `usage` None: it is read from the
        body. `first_byte_ns`: when the first token came; None: not streamed, or no token came. `probe`: a dense probe
        sent it.
        """
        reader, offset, start = self.reader, self._offset_ns, answer.start_ns
        if usage is None:
            usage = self._usage(answer)
        intended = start if intended_ns is None else intended_ns
        origin, error = reader.origin(answer), answer.error
        if error is None and origin == "gateway":
            error = reader.refusal(answer)
        row = Row(  # in the order of its fields: keywords would double the cost of a row
            start + offset,
            intended + offset,
            min((answer.end_ns - start) // 1000, MOST_INT32),
            None if first_byte_ns is None else (first_byte_ns - start) // 1000,
            reader.backend_us(answer),
            answer.status,
            origin,
            reader.backend(answer),
            reader.retry_after_s(answer),
            usage.prompt,
            usage.completion,
            error,
            self.timeline.at(intended).phase.name,
            user,
            self.worker,
        )
        self.recorder.add(row, max(answer.streamed, len(answer.body)))
        if self._probing is not None:
            self._probing.observe(row, offset, probe)

    def count_attempt(self, answer: Answer, first: bool) -> None:
        """Count an attempt of a client that can retry. `first`: it began a call."""
        phase = self.timeline.at(answer.start_ns).phase.name
        self.tally.attempts[phase] += 1
        self.tally.calls[phase] += first

    def called(self, call: CallResult) -> None:
        """Count the result of an SDK call for run.json, and keep it for Locust's statistics."""
        self.tally.outcomes[f"{call.user} {'settled' if call.failure is None else 'gave up'}"] += 1
        self._calls.append(call)

    def take_calls(self) -> list[CallResult]:
        """Return the calls that ended since the last call of this method."""
        calls, self._calls = self._calls, []
        return calls

    def _usage(self, answer: Answer) -> Usage:
        if answer.error is not None or not 200 <= answer.status < 300:
            return NO_USAGE
        usage = self.reader.usage(answer)
        if usage is None:
            answer.error = "BadBody"
            return NO_USAGE
        return usage

    def drain(self, grace_s: float) -> None:
        """Stop arrivals, wait up to `grace_s` seconds for those due and for answers under way, and cancel the rest."""
        if self._probing is not None:
            self._probing.stop()
        for lane in self._lanes:
            lane.finish()
        gevent.sleep(0.001)
        limit = monotonic_ns() + int(grace_s * 1e9)
        while self._busy and monotonic_ns() < limit:
            gevent.sleep(0.01)
        self.closed = True
        for lane in self._lanes:
            lane.close()
        self._deadlines.cancel()
        gevent.sleep(0)

    @property
    def _busy(self) -> bool:
        return self.in_flight > 0 or not all(lane.empty for lane in self._lanes)

    def finish(self) -> None:
        """Stop the greenlets of `start`, and close the recorder and the shared objects. Raises RecordingFailed."""
        gevent.killall(self._greenlets)
        self.recorder.close()
        for one in self.shared.values():
            one.close()

    def load(self) -> Load:
        """Return the arrivals of this process so far."""
        lane = self.lane
        return Load(lane.intended, lane.sent, lane.dropped, self.tally.lateness.quantile_ms(0.99))

    def count(self) -> Tally:
        """Return the counts of this process, including those of lanes and rows."""
        lanes, tally = self._lanes, self.tally
        tally.intended = sum(lane.intended for lane in lanes)
        tally.sent = sum(lane.sent for lane in lanes)
        tally.dropped = sum(lane.dropped for lane in lanes)
        tally.dropped_probes = sum(lane.dropped for lane in self._probes)
        tally.rows = self.recorder.rows
        tally.probing = self._account_of_probing()
        return tally

    def _account_of_probing(self) -> Probing | None:
        if self._probing is not None:
            return self._probing.sharpener.account()
        probe = self.plan.scenario.probe
        if self.worker:
            return None
        return Probing(
            sharpen_s=probe.sharpen,
            budget=probe.budget,
            reason=reason_not_to_probe(self.plan.lab, probe.sharpen, probe.budget),
        )


def _probing(plan: Plan, worker: int, traffic: Traffic) -> DenseProbes | None:
    """Return the dense probes, which only worker 0 sends, or None if this process or this run sends none."""
    probe = plan.scenario.probe
    if worker or probe.sharpen is None or reason_not_to_probe(plan.lab, probe.sharpen, probe.budget) is not None:
        return None
    return DenseProbes(traffic, Sharpener(plan.lab, probe.sharpen, probe.budget))
