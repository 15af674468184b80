"""The options that Tripcurve adds to Locust's command line and start form, and its log levels."""

from __future__ import annotations

import logging
from functools import cache
from typing import Protocol, cast

from locust import argument_parser
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

__all__ = ["Options", "add_options", "options_of", "quieten", "speed_up_spawning"]


class Options(Protocol):
    """The options that Tripcurve reads: its own, and some of Locust's."""

    lab: str
    scenario: str
    trace: str
    target: str
    run_dir: str
    no_report: bool
    ship_rows: bool
    no_sharpen: bool
    scenario_seed: int | None
    prometheus: int | None
    otel: bool
    headless: bool
    only_summary: bool
    web_base_path: str | None


def options_of(environment: Environment) -> Options:
    """Return the options that the command line or the start form gave."""
    return cast(Options, environment.parsed_options)


def add_options(parser: LocustArgumentParser, **_: object) -> None:
    """Add Tripcurve's options to Locust's parser: a listener of `init_command_line_parser`."""
    # Loopback is the default here; Locust's own default is every interface of the machine.
    parser.set_defaults(web_host="127.0.0.1", master_bind_host="127.0.0.1")
    parser.add_argument("--lab", default="quick", help="Lab file, or the name of a built-in one")
    parser.add_argument("--scenario", default="trip-and-recover", help="Scenario file, or the name of a built-in one")
    parser.add_argument(
        "--trace",
        default="",
        include_in_web_ui=False,
        help="Trace to send instead of the phases' loads: CSV, JSON lines, Parquet, or a run directory",
    )
    parser.add_argument(
        "--target",
        default="local",
        help="local (a gateway on this machine), azure (a lab that is up), or a URL with TRIPCURVE_API_KEY set",
    )
    parser.add_argument(
        "--run-dir",
        default="",
        include_in_web_ui=False,
        help="Folder of the run (default: runs/LAB-SCENARIO-TIME)",
    )
    parser.add_argument(
        "--no-report",
        action="store_true",
        include_in_web_ui=False,
        help="Make no report when a run ends; `tripcurve report RUN` makes it later",
    )
    parser.add_argument(
        "--no-sharpen",
        action="store_true",
        include_in_web_ui=False,
        help="Send no dense probes to an open breaker",
    )
    parser.add_argument(
        "--scenario-seed",
        type=int,
        default=None,
        include_in_web_ui=False,
        help="Seed of arrivals, prompts and shares, instead of the scenario's",
    )
    parser.add_argument(
        "--prometheus",
        type=int,
        default=None,
        metavar="PORT",
        include_in_web_ui=False,
        help="Serve metrics of the run for Prometheus at http://127.0.0.1:PORT/metrics",
    )
    parser.add_argument(
        "--ship-rows",
        action="store_true",
        include_in_web_ui=False,
        help="Worker: send rows to the main process at the end instead of writing into its run directory",
    )


def quieten(options: Options) -> None:
    """Keep Locust's warnings and errors; the progress line and the report replace the rest."""
    options.only_summary = True
    logging.getLogger("locust.stats_logger").setLevel(logging.WARNING)
    for name in ("", "locust"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Locust advises a low spawn rate for users that log in when they are spawned. Ours do nothing then.
    logging.getLogger("locust.runners").addFilter(lambda record: "spawn rate is very high" not in record.getMessage())


def speed_up_spawning() -> None:
    """Have a worker compute the defaults of Locust's options once.

    Locust parses its own options anew for each option in each message to spawn users: 160 ms in which a worker sends
    nothing.
    """
    if not hasattr(argument_parser.default_args_dict, "cache_clear"):
        argument_parser.default_args_dict = cache(argument_parser.default_args_dict)
    argument_parser.default_args_dict()
