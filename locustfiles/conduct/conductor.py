"""Conducts the runs of the main process through Locust's events: prepare, begin, gather, complete, leave."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns
from typing import NoReturn, cast

import gevent
from gevent.event import Event
from locust.env import Environment

from locustfiles.conduct import interrupts
from locustfiles.conduct.launch import end_traffic, launch, make_ready
from locustfiles.conduct.options import Options, options_of, quieten
from locustfiles.conduct.plan import Plan
from locustfiles.conduct.preparation import Preparation, RunInputs, prepare, seat_users, without_sharpening
from locustfiles.conduct.traffic import Traffic
from locustfiles.live.breakers import breaker_counter, gap_of
from locustfiles.live.counts import Live
from locustfiles.live.load import Load
from locustfiles.live.progress import report_progress
from locustfiles.pacing.clock import Clock
from locustfiles.pacing.schedule import Share
from locustfiles.pacing.shape import ScenarioRun, ScenarioShape
from locustfiles.pacing.timeline import Timeline
from locustfiles.recording.local_cloud import ended_processes
from locustfiles.recording.run_dir import copy_events
from locustfiles.recording.run_json import count_requests, describe_run
from locustfiles.recording.shards import join_shards
from locustfiles.recording.tally import Tally
from locustfiles.recording.target_loss import TargetLoss, find_target_loss
from tripcurve.errors import (
    INTERRUPTED,
    AlreadyReported,
    BadInput,
    LoadNotDelivered,
    NotRecorded,
    TargetLost,
    TripcurveError,
    reason_of,
    remedy_for,
)
from tripcurve.gateways import profile_of
from tripcurve.run.info import Ended, EndKind, WorkerInfo
from tripcurve.run.layout import claim_run_dir, shard_path, write_documents
from tripcurve.run.lock import RunLock
from tripcurve.target import credentials_refused
from tripcurve.urls import has_credentials, without_credentials

__all__ = ["INTERRUPT_GRACE_S", "Conductor"]

INTERRUPT_GRACE_S = 2.0
MOST_UNDELIVERED = 0.05
"""The largest share of the arrivals that may go unsent in a valid measurement."""


class Conductor:
    """The main process of a run without workers: it sends the traffic itself.

    Pages read `live`, the figures so far, `plan`, the run under way, and `last_run`, the folder of the last finished
        run. `plan` is None while no run is under way, and `live` is None before the first run.
    """

    lead_s = 0.2
    """Seconds from the start of a run to its first arrival, in which Locust spawns users."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.clock = Clock.now()
        self._given_target: str = self._options.target
        self.preparation: Preparation | None = None
        self.plan: Plan | None = None
        self.live: Live | None = None
        self.timeline: Timeline | None = None
        self.failure: TripcurveError | None = None
        self.last_run: Path | None = None
        self._traffic: Traffic | None = None
        self._tally = Tally()
        self._load = Load()
        self._workers: list[WorkerInfo] = []
        self._interrupts = 0
        self._runs = 0
        self._gathering = False
        self._gathered = Event()
        self._beside: list[gevent.Greenlet] = []
        self._lock: RunLock | None = None

    @property
    def headless(self) -> bool:
        """Whether Locust runs without its web page."""
        return bool(self._options.headless)

    @property
    def load(self) -> Load:
        """The scheduled load of the run under way, or else of the last one."""
        return self._load if self._traffic is None else self._traffic.load()

    @property
    def _options(self) -> Options:
        return options_of(self.environment)

    @property
    def _shape(self) -> ScenarioShape:
        return cast(ScenarioShape, self.environment.shape_class)  # the locustfile has no other

    def attach(self) -> None:
        """Listen to Locust's events. A headless process also prepares the target now, so that a bad lab ends it."""
        if has_credentials(self._given_target):
            self._exit_for(BadInput(credentials_refused(self._given_target)))
        events = self.environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_test_stopping)
        events.test_stop.add_listener(self._on_test_stop)
        events.quitting.add_listener(self._on_quitting)
        events.quit.add_listener(self._on_quit)
        gevent.signal_handler(signal.SIGINT, self._on_interrupt)
        atexit.register(self._leave)
        self._shape.prepare_run = self._prepare_web_run
        if self.headless:
            # Locust handles SIGTERM only after a headless run.
            gevent.signal_handler(signal.SIGTERM, self._on_interrupt)
            interrupts.release()
            quieten(self._options)
            self._set_up_or_exit()

    def _set_up_or_exit(self) -> None:
        try:
            self.set_up()
        except TripcurveError as error:
            self._exit_for(error)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    @staticmethod
    def _exit_for(error: TripcurveError) -> NoReturn:
        if not isinstance(error, AlreadyReported):
            print(f"tripcurve: {error}", file=sys.stderr)
        sys.exit(error.exit_code)

    def _prepare_web_run(self) -> ScenarioRun | None:
        """Prepare a run that the web page starts. Return it, or None after reporting why it cannot start."""
        self.failure = None
        try:
            self.set_up()
        except TripcurveError as error:
            self.fail(error)
        return self._shape.run

    def set_up(self) -> None:
        """Prepare the lab, scenario and target that the options name, or reuse the last ones. Raises TripcurveError."""
        inputs = RunInputs(self._options.lab, self._options.scenario, self._options.target, self._options.trace)
        if inputs.target not in ("local", "azure", self._given_target):
            shown = without_credentials(inputs.target)
            raise BadInput(f"target {shown}: the key was given for {self._given_target}; start with --target")
        if self.preparation is None or self.preparation.inputs != inputs or not self.preparation.usable:
            self._leave()
            self.preparation = prepare(inputs, self.environment.user_classes)
            if self._options.no_sharpen:
                self.preparation.scenario = without_sharpening(self.preparation.scenario)
            if self._options.scenario_seed is not None:
                seeded = {"seed": self._options.scenario_seed}
                self.preparation.scenario = self.preparation.scenario.model_copy(update=seeded)
        self._lead_shape(None)

    def _lead_shape(self, timeline: Timeline | None) -> None:
        assert self.preparation is not None  # noqa: S101  # set_up has made it
        scenario = self.preparation.scenario
        self._shape.run = ScenarioRun(scenario, seat_users(scenario, self.environment.user_classes), timeline)

    # The steps of a run.

    def _on_test_start(self, environment: Environment, **_: object) -> None:
        try:
            self._begin()
        except TripcurveError as error:
            self.fail(error)

    def _begin(self) -> None:
        prepared = self.preparation
        assert prepared is not None  # noqa: S101  # the shape has had it made
        self._gathering = False
        self._gathered.clear()
        self._tally, self._load, self._workers = Tally(), Load(), []
        # --run-dir is for the first run only: a second one from the web page needs a folder of its own.
        given = Path(self._options.run_dir) if self._options.run_dir and not self._runs else None
        lock = None if given is None else RunLock.inherited(given)
        self._lock = lock or claim_run_dir(given, prepared.lab.name, prepared.scenario.name)
        folder = self._lock.folder
        write_documents(folder, prepared.lab, prepared.scenario)
        self._runs += 1
        make_ready()
        start_ns = self.clock.unix(monotonic_ns()) + int(self.lead_s * 1e9)
        run = (folder.resolve(), start_ns, self.clock, prepared.trace)
        self.plan = Plan(prepared.target, prepared.lab, prepared.scenario, *run)
        self.live = Live(start_ns, gap_of(prepared.lab), frozenset(profile_of(prepared.lab).shed_statuses))
        self.timeline = Timeline(prepared.scenario, self.clock.monotonic(start_ns))
        self._launch(self.plan, self.live)
        self._lead_shape(self.timeline)
        self._beside = [gevent.spawn(self._keep_events, self.plan)]
        if self.headless:
            counter = breaker_counter(prepared.lab, prepared.target.events_file, self.clock, start_ns)
            self._beside.append(gevent.spawn(report_progress, self.live, self.timeline, counter))

    @staticmethod
    def _keep_events(plan: Plan) -> None:
        """Copy the gateway's events every second: if this process is killed, the local cloud takes its file with it."""
        while True:
            gevent.sleep(1.0)
            with suppress(OSError):  # a disk that is full now may have room at the end, when it is copied again
                copy_events(plan.target.events_file, plan.run_dir)

    def _launch(self, plan: Plan, live: Live) -> None:
        """Start the traffic. Raises TripcurveError."""
        shard = shard_path(plan.run_dir, 0)
        self._traffic = launch(self.environment, plan, 0, shard, live.add, self.fail)
        for phase in range(len(plan.scenario.phases)):
            self._traffic.deal(phase, Share())

    def _on_test_stopping(self, environment: Environment, **_: object) -> None:
        """Called before users are stopped, however the run ends. May be called twice (second Ctrl-C)."""
        if self.plan is None or self.timeline is None:
            return
        if self._gathering:
            self._gathered.wait()
            return
        self._gathering = True
        early = monotonic_ns() < self.timeline.end_ns
        try:
            self._gather(self.plan, INTERRUPT_GRACE_S if early else self.plan.scenario.timeout)
        except TripcurveError as error:
            self.fail(error)
        finally:
            self._gathered.set()

    def _gather(self, plan: Plan, grace_s: float) -> None:
        """End the traffic, waiting `grace_s` seconds for answers, and collect its counts. Raises TripcurveError.

        Does nothing if the traffic could not be started.
        """
        if self._traffic is None:
            return
        try:
            end_traffic(self.environment, self._traffic, grace_s)
        finally:
            self._tally, self._load = self._traffic.count(), self._traffic.load()
            self._workers = [WorkerInfo(worker=0, rows=self._tally.rows, lost=False)]

    def _on_test_stop(self, environment: Environment, **_: object) -> None:
        plan, timeline = self.plan, self.timeline
        if plan is None or timeline is None:
            return
        self.plan = self.timeline = self._traffic = None
        gevent.killall(self._beside)
        self._complete(plan, plan.clock.unix(min(monotonic_ns(), timeline.end_ns)))
        if self._lock is not None:
            self._lock.release()
        self.last_run = plan.run_dir
        self._shape.run = None

    def _complete(self, plan: Plan, end_ns: int) -> None:
        """Write the rest of the run directory: events, requests.parquet and run.json. Notes an error and goes on."""
        rows = self._tally.rows
        try:
            copy_events(plan.target.events_file, plan.run_dir)
            rows = _join_in_thread(plan.run_dir)
            self._judge(plan)
        except OSError as error:
            self._note_incomplete(plan.run_dir, error)
        code = self._exit_code()
        counts = count_requests(plan.target, rows)
        try:
            describe_run(plan, counts, self._tally, self._ended(end_ns), code, self._workers).write(plan.run_dir)
        except OSError as error:
            self._note_incomplete(plan.run_dir, error)
        self.environment.process_exit_code = self._exit_code()

    def _note_incomplete(self, folder: Path, error: OSError) -> None:
        text = f"{folder}: the run could not be completed: {reason_of(error)}; the requests recorded in it are safe"
        self._note(NotRecorded(f"{text}. {remedy_for(error, folder)}"))

    def _judge(self, plan: Plan) -> None:
        """Note why a run that reached its end is not a valid measurement, if it is not. Raises OSError."""
        if self.failure is not None or self._interrupts:
            return
        loss = find_target_loss(plan.run_dir)
        if loss is not None:
            self._note(TargetLost(self._describe_loss(loss, plan)))
        elif ended := self._ended_processes(plan):
            self._note(TargetLost(f"a process of the local cloud ended during the run: {'; '.join(ended)}"))
        elif self._tally.undelivered > MOST_UNDELIVERED * self._tally.intended:
            self._note(LoadNotDelivered(self._tally.describe_undelivered()))

    def _ended_processes(self, plan: Plan) -> list[str]:
        """Return a clause about each process of an embedded cloud that ended during the run."""
        if self.preparation is not None and not self.preparation.usable:
            return ["its control plane"]
        return ended_processes(plan.target)

    def _describe_loss(self, loss: TargetLoss, plan: Plan) -> str:
        since_s = max(loss.since_ns - plan.start_ns, 0) / 1e9
        text = f"the target stopped answering {since_s:.1f} s into the run: the last {loss.requests:,} requests got "
        text += f"no response ({loss.error})"
        prepared = self.preparation
        return text if prepared is None or prepared.usable else f"{text}; the process of the local cloud had ended"

    # How a run ends.

    def fail(self, error: TripcurveError) -> None:
        """End the run early and print the error, unless one was printed before."""
        if self.failure is not None:
            return
        self._note(error)
        runner = self.environment.runner
        assert runner is not None  # noqa: S101  # Locust makes it before its events
        gevent.spawn(runner.quit if self.headless else runner.stop)

    def _note(self, error: TripcurveError) -> None:
        """Print an error and set the exit code, unless there was one before."""
        if self.failure is not None:
            return
        self.failure = error
        print(f"tripcurve: {error}", file=sys.stderr)
        self.environment.process_exit_code = error.exit_code

    def _exit_code(self) -> int:
        if self.failure is not None:
            return self.failure.exit_code
        return INTERRUPTED if self._interrupts else 0

    def _ended(self, at_ns: int) -> Ended:
        failure = self.failure
        if failure is None:
            return Ended(kind="interrupted" if self._interrupts else "completed", reason=None, at_ns=at_ns)
        kind: EndKind = "failed"
        if isinstance(failure, LoadNotDelivered):
            kind = "completed"
        elif isinstance(failure, TargetLost):
            kind = "target lost"
        elif isinstance(failure, NotRecorded):
            kind = "not recorded"
        return Ended(kind=kind, reason=str(failure), at_ns=at_ns)

    def _on_interrupt(self) -> None:
        """Handle Ctrl-C. The first ends the run in order, as Locust does at KeyboardInterrupt; the second at once."""
        self._interrupts += 1
        if self._interrupts > 1:
            if self.preparation is not None and self.preparation.embedded is not None:
                self.preparation.embedded.kill()
            os._exit(INTERRUPTED)
        gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())

    def _on_quitting(self, environment: Environment, **_: object) -> None:
        """Set the exit code, which Locust reads after this event. If a run is under way, a signal interrupted it."""
        if self.plan is not None:
            self._interrupts = max(self._interrupts, 1)
        if environment.process_exit_code is None or self.plan is not None:
            environment.process_exit_code = self._exit_code()

    def _on_quit(self, exit_code: int, **_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        if self.preparation is not None:
            self.preparation.stop()
            self.preparation = None


def _join_in_thread(folder: Path) -> int:
    """Join the shards in a thread. Raises OSError here and not in the thread, where gevent would print it."""

    def join() -> int | OSError:
        try:
            return join_shards(folder)
        except OSError as error:
            return error

    joined: int | OSError = gevent.get_hub().threadpool.apply(join)
    if isinstance(joined, OSError):
        raise joined
    return joined
