"""Connects Tripcurve to Locust in the role of this process: alone, master or worker."""

from __future__ import annotations

from locust.env import Environment
from locust.event import Events
from locust.runners import MasterRunner, Runner, WorkerRunner

from locustfiles.conduct.conductor import Conductor
from locustfiles.conduct.master import Master
from locustfiles.conduct.options import add_options, options_of
from locustfiles.conduct.run_report import RunReport
from locustfiles.conduct.worker import Worker
from locustfiles.live.pages import add_pages
from locustfiles.recording.recorder import warm_up

__all__ = ["conduct"]


def conduct(events: Events) -> None:
    """Listen to Locust's events. The conductor or worker is made when Locust fires `init`."""
    warm_up()  # by then Locust has connected a worker, and one that is busy for 3 s counts as lost
    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(_on_init)


def _on_init(environment: Environment, runner: Runner, **_: object) -> None:
    if isinstance(runner, WorkerRunner):
        Worker(environment, runner).attach()
        return
    conductor = Master(environment, runner) if isinstance(runner, MasterRunner) else Conductor(environment)
    conductor.attach()
    _add_report(environment, conductor)


def _add_report(environment: Environment, conductor: Conductor) -> None:
    report = None if options_of(environment).no_report else RunReport(environment, conductor)
    if report is not None:
        report.attach()
    add_pages(environment, conductor, report)
