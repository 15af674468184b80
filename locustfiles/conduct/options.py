"""Locust's command line and start form: lab, scenario, target, run directory."""

from __future__ import annotations

from locust.argument_parser import LocustArgumentParser

__all__ = ["add_options"]


def add_options(parser: LocustArgumentParser, **_: object) -> None:
    """Listener of `init_command_line_parser`."""
    # Loopback unless asked otherwise: Locust's own default is every interface of the machine.
    parser.set_defaults(web_host="127.0.0.1", master_bind_host="127.0.0.1")
    parser.add_argument("--lab", default="quick", help="Lab file, or the name of a built-in one")
    parser.add_argument("--scenario", default="trip-and-recover", help="Scenario file, or the name of a built-in one")
    parser.add_argument(
        "--target",
        default="local",
        help="local (a gateway on this machine), azure (a lab that is up), or a URL with TRIPCURVE_API_KEY set",
    )
    parser.add_argument(
        "--run-dir",
        default="",
        include_in_web_ui=False,
        help="Folder of the run; default runs/LAB-SCENARIO-TIME",
    )
    parser.add_argument(
        "--no-report",
        action="store_true",
        include_in_web_ui=False,
        help="Make no report when a run ends; `tripcurve report RUN` makes it later",
    )
    parser.add_argument(
        "--ship-rows",
        action="store_true",
        include_in_web_ui=False,
        help="Worker: send rows to the main process at the end instead of writing into its run directory",
    )
