"""A worker's part of a run: it receives the plan, sends its share of each phase, and reports."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import monotonic_ns

import gevent
from gevent.lock import BoundedSemaphore
from locust.env import Environment
from locust.rpc import Message
from locust.runners import WorkerRunner

from locustfiles.conduct.clock_offset import ClockOffset, Estimate
from locustfiles.conduct.deals import share_of
from locustfiles.conduct.launch import end_traffic, launch, make_ready
from locustfiles.conduct.messages import (
    CLOCK,
    COUNTS,
    DEAL,
    DONE,
    FINISH,
    PLAN,
    READY,
    ROWS,
    Account,
    CountsMessage,
    DealMessage,
    PlanForWorker,
)
from locustfiles.conduct.options import options_of, quieten, speed_up_spawning
from locustfiles.conduct.plan import Plan
from locustfiles.conduct.preparation import ready_users
from locustfiles.conduct.traffic import Traffic
from locustfiles.live.breakers import gap_of
from locustfiles.live.counts import Live
from locustfiles.pacing.clock import Clock
from locustfiles.recording.recorder import Batch
from locustfiles.recording.run_dir import holds_run
from tripcurve.errors import INTERRUPTED, NotRecorded, TripcurveError
from tripcurve.gateways import profile_of
from tripcurve.run.info import WorkerClock
from tripcurve.run.layout import shard_path

__all__ = ["Worker"]

ASK_EVERY_S = 1.0
MOST_UNANSWERED = 15
"""After this many unanswered questions in a row the worker ends, because the main process has died."""
PIECE_BYTES = 512 * 1024


class Worker:
    """A worker process. Lab, scenario and target come with the plan; its own command line names none."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self.environment = environment
        self._runner = runner
        self._options = options_of(environment)
        self._ship = False
        self._offset = ClockOffset()
        self._unanswered = 0
        self._traffic: Traffic | None = None
        self._live = Live(0)
        self._estimate = Estimate(0, 0)
        self._interrupts = 0
        self._finishing = BoundedSemaphore()

    def attach(self) -> None:
        """Listen to Locust's events and to the main process's messages."""
        self._ship = self._options.ship_rows
        events = self.environment.events
        events.test_stopping.add_listener(self._on_test_stopping)
        events.quitting.add_listener(self._on_quitting)
        self._runner.register_message(CLOCK, self._on_clock)
        self._runner.register_message(PLAN, self._on_plan)
        self._runner.register_message(DEAL, self._on_deal)
        self._runner.register_message(FINISH, self._on_finish, concurrent=True)
        gevent.signal_handler(signal.SIGINT, self._on_interrupt)
        gevent.spawn(self._ask_time)
        speed_up_spawning()
        make_ready()
        quieten(self._options)

    def _ask_time(self) -> None:
        while self._unanswered < MOST_UNANSWERED:
            self._runner.send_message(CLOCK, {"asked_ns": monotonic_ns()})
            # Questions are counted, not seconds: a worker that was too busy to ask must not give up.
            self._unanswered += self._offset.best is not None
            gevent.sleep(ASK_EVERY_S)
        self._finish(0)
        self._fail(NotRecorded("the main process no longer answers; this worker keeps its rows and ends"))

    def _on_clock(self, msg: Message, **_: object) -> None:
        self._unanswered = 0
        self._offset.add(msg.data["asked_ns"], msg.data["told_ns"], monotonic_ns())

    def _on_plan(self, msg: Message, **_: object) -> None:
        """Start this worker's traffic. The plan arrives before Locust's message to spawn users, and before any deal."""
        data: PlanForWorker = msg.data
        plan, worker = self._on_our_clock(Plan.from_message(data["plan"])), data["worker"]
        try:
            ready_users(plan.scenario, self.environment.user_classes)
            self._live = Live(plan.start_ns, gap_of(plan.lab), frozenset(profile_of(plan.lab).shed_statuses))
            shard = self._shard(plan, worker)
            self._traffic = launch(self.environment, plan, worker, shard, self._tell, self._fail)
        except TripcurveError as error:
            self._fail(error)
            return
        self._send(READY, {})

    def _on_deal(self, msg: Message, **_: object) -> None:
        """Take this worker's share of a phase."""
        data: DealMessage = msg.data
        traffic = self._traffic
        if traffic is not None and not traffic.closed and data["phase"] not in traffic.dealt:
            traffic.deal(data["phase"], share_of(data["workers"], traffic.worker))

    def _on_our_clock(self, plan: Plan) -> Plan:
        """Return the plan with the main process's clock as estimated here; on the same machine it is exact already."""
        estimated, best = self._offset.clock(), self._offset.best
        if plan.clock.shared_with(Clock.now()) or estimated is None or best is None:
            return plan
        self._estimate = best
        return plan.on_clock(estimated)

    def _shard(self, plan: Plan, worker: int) -> Path:
        if not self._ship and holds_run(plan.run_dir, plan.start_ns):
            return shard_path(plan.run_dir, worker)
        self._ship = True
        return shard_path(Path(tempfile.mkdtemp(prefix="tripcurve-worker-")), worker)

    def _tell(self, batch: Batch) -> None:
        """Send a batch's counts to the main process: a listener of the recorder."""
        counts = self._live.add(batch)
        message: CountsMessage = {
            "counts": [(second, kind, n) for (second, kind), n in counts.items()],
            "last_end_s": self._live.last_end_s,
            "trips": self._live.trips,
            "open": self._live.open,
            "sightings": self._live.sightings.to_message(),
            "load": () if self._traffic is None else self._traffic.load(),
            "tokens": self._live.tokens.to_message(),
        }
        self._send(COUNTS, message)

    def _send(self, kind: str, data: Mapping[str, object]) -> None:
        self._runner.send_message(kind, dict(data))

    def _on_finish(self, msg: Message, **_: object) -> None:
        self._finish(msg.data["grace_s"])

    def _finish(self, grace_s: float) -> None:
        """End this worker's traffic and send its account. Further calls only wait until that is done."""
        with self._finishing:
            if self._traffic is not None and not self._traffic.closed:
                self._end(self._traffic, grace_s)

    def _end(self, traffic: Traffic, grace_s: float) -> None:
        failure = None
        try:
            end_traffic(self.environment, traffic, grace_s)
            if self._ship:
                self._ship_rows(traffic.recorder.path)
        except TripcurveError as error:
            failure = str(error)
        self._send(DONE, self._account(traffic, failure))

    def _account(self, traffic: Traffic, failure: str | None) -> Account:
        best, shared = self._estimate, self._estimate == Estimate(0, 0)
        clock = WorkerClock(
            offset_ns=best.offset_ns,
            half_width_ns=best.half_width_ns,
            corrected=True,
            shared=shared,
            samples=[] if shared else self._offset.samples(traffic.plan.clock.offset_ns),
        )
        return {
            "tally": traffic.count().to_message(),
            "phases": traffic.dealt,
            "arrivals": traffic.load().due,
            "host": socket.gethostname(),
            "clock": clock.as_written(),
            "failure": failure,
        }

    def _ship_rows(self, shard: Path) -> None:
        with shard.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                self._send(ROWS, {"piece": piece})
                gevent.sleep(0)
        print(
            f"tripcurve: this worker's rows were sent to the main process; they also stay in {shard}", file=sys.stderr
        )

    def _fail(self, error: TripcurveError) -> None:
        """Print the error, send the account and end this worker. The run goes on with the others."""
        print(f"tripcurve: {error}", file=sys.stderr)
        self.environment.process_exit_code = error.exit_code
        if self._traffic is not None and not self._traffic.closed:
            self._traffic.drain(0)
            self._send(DONE, self._account(self._traffic, str(error)))
        gevent.spawn(self._runner.quit)

    def _on_test_stopping(self, environment: Environment, **_: object) -> None:
        """End without a grace time: Locust stops this worker although no FINISH came, so the main process is gone."""
        self._finish(0)

    def _on_quitting(self, environment: Environment, **_: object) -> None:
        if environment.process_exit_code is None:
            environment.process_exit_code = 0

    def _on_interrupt(self) -> None:
        """Handle Ctrl-C, which a terminal sends to every process. The main process ends the run and sends FINISH."""
        self._interrupts += 1
        busy = self._traffic is not None and not self._traffic.closed
        if self._interrupts > 1:
            os._exit(INTERRUPTED)
        if not busy:
            gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
