"""Wires a run to Locust's events: prepare, begin, conclude, leave. One per process."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import signal
import sys
from time import monotonic_ns
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.event import Events
from locust.runners import Runner

from locustfiles import locust_stats
from locustfiles.clock import Clock
from locustfiles.live import Live
from locustfiles.options import add_options
from locustfiles.pacing import Share
from locustfiles.plan import Plan
from locustfiles.preparation import Asked, Preparation, prepare, seat_users
from locustfiles.progress import report_progress
from locustfiles.run_dir import copy_events, make_run_dir, shard_path, write_run_json
from locustfiles.run_json import describe_run, gateway_counts
from locustfiles.shape import Course
from locustfiles.traffic import Traffic
from tripcurve.errors import TripcurveError

__all__ = ["Conductor", "conduct"]

INTERRUPTED = 130
LEAD_S = 0.2
"""From the start of a run to its first arrival: for users to be spawned."""
INTERRUPT_GRACE_S = 2.0


def conduct(events: Events) -> None:
    """Listen to Locust's events; what is needed is made when Locust says that it is up."""
    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(_on_init)


def _on_init(environment: Environment, runner: Runner, **_: object) -> None:
    Conductor(environment).attach()


class Conductor:
    """The run of a process that is alone."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.preparation: Preparation | None = None
        self.plan: Plan | None = None
        self.traffic: Traffic | None = None
        self.live: Live | None = None
        self.failure: TripcurveError | None = None
        self._interrupts = 0
        self._concluded = Event()
        self._progress: gevent.Greenlet | None = None

    @property
    def headless(self) -> bool:
        return bool(self.environment.parsed_options.headless)  # type: ignore[union-attr]  # set by Locust's main

    @property
    def asked(self) -> Asked:
        options = self.environment.parsed_options
        return Asked(options.lab, options.scenario, options.target)  # type: ignore[union-attr]  # as above

    def attach(self) -> None:
        """Take part in Locust's events. Headless, the target is made here, so that a bad lab ends the process."""
        events = self.environment.events
        events.test_start.add_listener(self.on_test_start)
        events.test_stopping.add_listener(self.on_test_stopping)
        events.test_stop.add_listener(self.on_test_stop)
        events.quitting.add_listener(self.on_quitting)
        events.quit.add_listener(self.on_quit)
        gevent.signal_handler(signal.SIGINT, self.on_interrupt)
        atexit.register(self._leave)
        shape: Any = self.environment.shape_class
        shape.set_out = self.set_out
        if self.headless:
            _quieten(self.environment)
            self._or_exit()

    def _or_exit(self) -> None:
        try:
            self.set_up()
        except TripcurveError as error:
            print(f"tripcurve: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def set_up(self) -> None:
        """Make the preparation that is asked for, unless it stands already. Raises TripcurveError."""
        asked = self.asked
        if self.preparation is not None:
            if self.preparation.asked == asked and self.preparation.usable:
                self._follow(None)
                return
            self.preparation.stop()
            self.preparation = None
        self.preparation = prepare(asked, self.environment.user_classes)
        self._follow(None)

    def set_out(self) -> Course | None:
        """The course of a run that the start form asks for; None, with its message told, when it cannot be."""
        shape: Any = self.environment.shape_class
        try:
            self.set_up()
        except TripcurveError as error:
            self.failure = None
            self.fail(error)
        course: Course | None = shape.course
        return course

    def _follow(self, traffic: Traffic | None) -> None:
        """Tell the shape what to follow."""
        assert self.preparation is not None  # noqa: S101  # set_up has made it
        scenario = self.preparation.scenario
        classes = seat_users(scenario, self.environment.user_classes)
        shape: Any = self.environment.shape_class
        shape.course = Course(scenario, classes, None if traffic is None else traffic.timeline)

    def on_test_start(self, environment: Environment, **_: object) -> None:
        try:
            self.set_up()
            self.begin()
        except TripcurveError as error:
            self.fail(error)

    def begin(self) -> None:
        """Start the run. Raises TripcurveError."""
        prepared = self.preparation
        assert prepared is not None  # noqa: S101  # set_up has made it
        options: Any = self.environment.parsed_options
        self.failure = None
        self._concluded.clear()
        folder = make_run_dir(options.run_dir, prepared.lab, prepared.scenario)
        clock = Clock.now()
        self.plan = Plan(
            prepared.target, prepared.lab, prepared.scenario, folder, clock.unix_ns + int(LEAD_S * 1e9), clock
        )
        self.start_traffic(Share())

    def start_traffic(self, share: Share) -> None:
        """Make this process's part of the traffic and let it go."""
        plan = self.plan
        assert plan is not None  # noqa: S101  # begin has made it
        from locustfiles.recorder import Recorder

        self.live = Live(plan.start_ns)
        stats = self.environment.stats
        traffic: Traffic
        recorder = Recorder(
            shard_path(plan.run_dir, share.worker),
            (lambda batch: traffic.observe(batch), lambda batch: locust_stats.feed(stats, batch), self.live.add),
        )
        traffic = Traffic(plan, share, recorder, self.fail)
        self.traffic = self.environment.traffic = traffic  # type: ignore[attr-defined]  # where users find it
        self.environment.stop_timeout = plan.scenario.timeout
        self._follow(traffic)
        gc.collect()
        gc.freeze()  # what stands now is not looked at again: collections stay short
        traffic.start()
        if self.headless:
            self._progress = gevent.spawn(report_progress, self.live, traffic.timeline)

    def fail(self, error: TripcurveError) -> None:
        """End the run early, with a clear message."""
        if self.failure is not None:
            return
        self.failure = error
        print(f"tripcurve: {error}", file=sys.stderr)
        runner: Any = self.environment.runner
        self.environment.process_exit_code = error.exit_code
        gevent.spawn(runner.quit if self.headless else runner.stop)

    def on_test_stopping(self, environment: Environment, **_: object) -> None:
        """No more arrivals; wait for answers. Runs once, however often Locust stops."""
        traffic = self.traffic
        if traffic is None or self._concluded.is_set():
            return
        early = monotonic_ns() < traffic.timeline.end_ns
        traffic.drain(INTERRUPT_GRACE_S if early else self.plan.scenario.timeout)  # type: ignore[union-attr]
        self._concluded.set()

    def on_test_stop(self, environment: Environment, **_: object) -> None:
        traffic, self.traffic = self.traffic, None
        if traffic is None or self.plan is None:
            return
        if self._progress is not None:
            self._progress.kill()
        end_ns = min(self.plan.clock.unix(monotonic_ns()), self.plan.clock.unix(traffic.timeline.end_ns))
        try:
            traffic.finish()
            self._complete(traffic, end_ns)
        except TripcurveError as error:
            self.fail(error)
        shape: Any = self.environment.shape_class
        shape.course = None  # the next run may ask for another lab or scenario

    def _complete(self, traffic: Traffic, end_ns: int) -> None:
        from locustfiles.shards import join_shards

        plan = traffic.plan
        code = self._exit_code()
        rows = traffic.recorder.rows
        counts = {"recorded": rows} | (gateway_counts(plan.target) or {})
        copy_events(plan.target.events_file, plan.run_dir)
        write_run_json(plan.run_dir, describe_run(plan, counts, traffic.pacing(), end_ns, code) | traffic.extras())
        gevent.get_hub().threadpool.apply(join_shards, (plan.run_dir,))
        self.environment.process_exit_code = code

    def _exit_code(self) -> int:
        if self.failure is not None:
            return self.failure.exit_code
        return INTERRUPTED if self._interrupts else 0

    def on_interrupt(self) -> None:
        """Ctrl-C. First: end the run in order, as Locust does at KeyboardInterrupt. Second: stop at once."""
        self._interrupts += 1
        if self._interrupts > 1:
            if self.preparation is not None and self.preparation.embedded is not None:
                self.preparation.embedded.kill()
            os._exit(INTERRUPTED)
        gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())

    def on_quitting(self, environment: Environment, **_: object) -> None:
        """Locust reads the exit code after this: a run that is still under way was interrupted, by a signal."""
        if self.traffic is not None:
            self._interrupts = max(self._interrupts, 1)
        if environment.process_exit_code is None:
            environment.process_exit_code = self._exit_code()

    def on_quit(self, exit_code: int, **_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        if self.preparation is not None:
            self.preparation.stop()
            self.preparation = None


def _quieten(environment: Environment) -> None:
    """Headless: our one line of progress instead of Locust's tables and remarks."""
    options: Any = environment.parsed_options
    options.only_summary = True
    logging.getLogger("locust.stats_logger").setLevel(logging.WARNING)
    for name in ("", "locust"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("locust.runners").addFilter(lambda record: "spawn rate is very high" not in record.getMessage())
