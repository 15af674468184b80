"""Conducts the runs of the main process over Locust's events: prepare, begin, gather, complete, leave."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path
from time import monotonic_ns
from typing import Literal, cast

import gevent
from gevent.event import Event
from locust.env import Environment

from locustfiles.conduct.launch import end_traffic, launch, make_ready
from locustfiles.conduct.options import Options, options_of, quieten
from locustfiles.conduct.plan import Plan
from locustfiles.conduct.preparation import Asked, Preparation, prepare, seat_users
from locustfiles.conduct.traffic import Traffic
from locustfiles.live.counts import Live
from locustfiles.live.progress import report_progress
from locustfiles.pacing.clock import Clock
from locustfiles.pacing.schedule import Share
from locustfiles.pacing.shape import Course, ScenarioShape
from locustfiles.pacing.timeline import Timeline
from locustfiles.recording.recorder import RecordingFailed
from locustfiles.recording.run_dir import copy_events
from locustfiles.recording.run_json import INTERRUPTED, count_requests, describe_run
from locustfiles.recording.shards import join_shards
from locustfiles.recording.tally import Tally
from tripcurve.errors import BadInput, TripcurveError
from tripcurve.run.info import Ended, WorkerInfo
from tripcurve.run.layout import make_run_dir, shard_path, write_documents

__all__ = ["INTERRUPT_GRACE_S", "Conductor"]

INTERRUPT_GRACE_S = 2.0


class Conductor:
    """A main process that makes its traffic itself.

    `live`, `plan` and `last_run` are for pages: what a run looks like now, what runs, and the
    folder of the run that ended last.
    """

    lead_s = 0.2
    """From the start of a run to its first arrival: for users to be spawned."""

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
        self._workers: list[WorkerInfo] = []
        self._interrupts = 0
        self._runs = 0
        self._gathering = False
        self._gathered = Event()
        self._progress: gevent.Greenlet | None = None

    @property
    def headless(self) -> bool:
        return bool(self._options.headless)

    @property
    def _options(self) -> Options:
        return options_of(self.environment)

    @property
    def _shape(self) -> ScenarioShape:
        return cast(ScenarioShape, self.environment.shape_class)  # the locustfile has no other

    def attach(self) -> None:
        """Take part in Locust's events. Headless, the target is made here, so that a bad lab ends the process."""
        events = self.environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_test_stopping)
        events.test_stop.add_listener(self._on_test_stop)
        events.quitting.add_listener(self._on_quitting)
        events.quit.add_listener(self._on_quit)
        gevent.signal_handler(signal.SIGINT, self._on_interrupt)
        atexit.register(self._leave)
        self._shape.set_out = self._set_out
        if self.headless:
            # Locust listens to SIGTERM only once a headless run is over.
            gevent.signal_handler(signal.SIGTERM, self._on_interrupt)
            quieten(self._options)
            self._set_up_or_exit()

    def _set_up_or_exit(self) -> None:
        try:
            self.set_up()
        except TripcurveError as error:
            print(f"tripcurve: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def _set_out(self) -> Course | None:
        """The shape's question at a start from the web page; None: it cannot be, and the page was told."""
        self.failure = None
        try:
            self.set_up()
        except TripcurveError as error:
            self.fail(error)
        return self._shape.course

    def set_up(self) -> None:
        """Make the preparation that is asked for, unless it stands already. Raises TripcurveError."""
        asked = Asked(self._options.lab, self._options.scenario, self._options.target)
        if asked.target not in ("local", "azure", self._given_target):
            raise BadInput(f"target {asked.target}: the key was given for {self._given_target}; start with --target")
        if self.preparation is None or self.preparation.asked != asked or not self.preparation.usable:
            self._leave()
            self.preparation = prepare(asked, self.environment.user_classes)
        self._lead_shape(None)

    def _lead_shape(self, timeline: Timeline | None) -> None:
        assert self.preparation is not None  # noqa: S101  # set_up has made it
        scenario = self.preparation.scenario
        self._shape.course = Course(scenario, seat_users(scenario, self.environment.user_classes), timeline)

    # A run, step by step.

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
        # A second run from the web page cannot go where the first one is.
        given = Path(self._options.run_dir) if self._options.run_dir and not self._runs else None
        folder = make_run_dir(given, prepared.lab.name, prepared.scenario.name)
        write_documents(folder, prepared.lab, prepared.scenario)
        self._runs += 1
        make_ready()
        start_ns = self.clock.unix(monotonic_ns()) + int(self.lead_s * 1e9)
        self.plan = Plan(prepared.target, prepared.lab, prepared.scenario, folder.resolve(), start_ns, self.clock)
        self.live = Live(start_ns)
        self.timeline = Timeline(prepared.scenario, self.clock.monotonic(start_ns))
        self._launch(self.plan, self.live)
        self._lead_shape(self.timeline)
        if self.headless:
            self._progress = gevent.spawn(report_progress, self.live, self.timeline)

    def _launch(self, plan: Plan, live: Live) -> None:
        """Have the traffic made."""
        shard = shard_path(plan.run_dir, 0)
        self._traffic = launch(self.environment, plan, Share(), shard, live.add, self.fail)

    def _on_test_stopping(self, environment: Environment, **_: object) -> None:
        """Whatever stops the run comes by here before users are touched; more than once when in a hurry."""
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
        """End the traffic and collect what was counted. Raises TripcurveError."""
        assert self._traffic is not None  # noqa: S101  # _launch has made it
        end_traffic(self.environment, self._traffic, grace_s)
        self._tally = self._traffic.count()
        self._workers = [WorkerInfo(worker=0, rows=self._tally.rows, lost=False)]

    def _on_test_stop(self, environment: Environment, **_: object) -> None:
        plan, timeline = self.plan, self.timeline
        if plan is None or timeline is None:
            return
        self.plan = self.timeline = self._traffic = None
        if self._progress is not None:
            self._progress.kill()
        try:
            self._complete(plan, plan.clock.unix(min(monotonic_ns(), timeline.end_ns)))
        except OSError as error:
            self.fail(TripcurveError(f"{plan.run_dir}: the run could not be completed: {error.strerror}"))
        self.last_run = plan.run_dir
        self._shape.course = None

    def _complete(self, plan: Plan, end_ns: int) -> None:
        """Write what a run directory has beside the shards. Raises OSError."""
        copy_events(plan.target.events_file, plan.run_dir)
        rows = gevent.get_hub().threadpool.apply(join_shards, (plan.run_dir,))
        code = self._exit_code()
        counts = count_requests(plan.target, rows)
        describe_run(plan, counts, self._tally, self._ended(end_ns), code, self._workers).write(plan.run_dir)
        self.environment.process_exit_code = code

    # However it ends.

    def fail(self, error: TripcurveError) -> None:
        """End the run early, with a clear message."""
        if self.failure is not None:
            return
        self.failure = error
        print(f"tripcurve: {error}", file=sys.stderr)
        self.environment.process_exit_code = error.exit_code
        runner = self.environment.runner
        assert runner is not None  # noqa: S101  # Locust makes it before its events
        gevent.spawn(runner.quit if self.headless else runner.stop)

    def _exit_code(self) -> int:
        if self.failure is not None:
            return self.failure.exit_code
        return INTERRUPTED if self._interrupts else 0

    def _ended(self, at_ns: int) -> Ended:
        if self.failure is not None:
            kind: Literal["not recorded", "failed"] = (
                "not recorded" if isinstance(self.failure, RecordingFailed) else "failed"
            )
            return Ended(kind=kind, reason=str(self.failure), at_ns=at_ns)
        return Ended(kind="interrupted" if self._interrupts else "completed", reason=None, at_ns=at_ns)

    def _on_interrupt(self) -> None:
        """Ctrl-C. First: the run ends in order, as Locust does it at KeyboardInterrupt. Second: at once."""
        self._interrupts += 1
        if self._interrupts > 1:
            if self.preparation is not None and self.preparation.embedded is not None:
                self.preparation.embedded.kill()
            os._exit(INTERRUPTED)
        gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())

    def _on_quitting(self, environment: Environment, **_: object) -> None:
        """Locust reads the exit code after this; a run still under way is being cut short by a signal."""
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
