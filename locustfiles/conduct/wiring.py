"""Connects Tripcurve to Locust in the role of this process: alone, master or worker."""

from __future__ import annotations

import os
import sys

from locust.env import Environment
from locust.event import Events
from locust.runners import MasterRunner, Runner, WorkerRunner

from locustfiles.conduct.conductor import Conductor
from locustfiles.conduct.heartbeat import start_heartbeat
from locustfiles.conduct.master import Master
from locustfiles.conduct.options import add_options, options_of
from locustfiles.conduct.run_report import RunReport
from locustfiles.conduct.worker import Worker
from locustfiles.live.board import Board
from locustfiles.live.pages import add_pages
from locustfiles.recording.recorder import warm_up
from locustfiles.telemetry.choice import Exporters, has_opentelemetry
from locustfiles.telemetry.figures import Figures
from tripcurve.errors import BadInput

__all__ = ["conduct"]


def conduct(events: Events) -> None:
    """Listen to Locust's events. The conductor or worker is made when Locust fires `init`."""
    warm_up()  # by then Locust has connected a worker, and one that is busy for 3 s counts as lost
    start_heartbeat(os.environ)  # Locust fires no event before a worker has found its main process
    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(_on_init)


def _on_init(environment: Environment, runner: Runner, **_: object) -> None:
    if options_of(environment).otel and has_opentelemetry():
        from locustfiles.telemetry.otlp import shut_down, warn_once

        warn_once()
        environment.events.quit.add_listener(shut_down)
    if isinstance(runner, WorkerRunner):
        Worker(environment, runner).attach()
        return
    conductor = Master(environment, runner) if isinstance(runner, MasterRunner) else Conductor(environment)
    report = None if options_of(environment).no_report else RunReport(environment, conductor)
    board = Board(environment, conductor, report)
    _add_exporters(environment, board)
    conductor.attach()
    if report is not None:
        report.attach()
    board.attach()
    add_pages(environment, board)


def _add_exporters(environment: Environment, board: Board) -> None:
    """Export the figures of runs as the options ask. Ends the process if they cannot be served to Prometheus."""
    options, figures = options_of(environment), Figures(environment, board)
    if options.prometheus is not None:
        try:
            Exporters(options.prometheus).check()
            from locustfiles.telemetry.prometheus import serve

            serve(figures, options.prometheus)
        except BadInput as error:
            print(f"tripcurve: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
    if options.otel and has_opentelemetry():
        from locustfiles.telemetry.otlp import export_figures

        export_figures(figures)
