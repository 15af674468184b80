"""Headless, our one line of progress stands for Locust's tables and remarks."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["quieten"]


def quieten(options: Any) -> None:
    """Keep warnings and errors; all else Locust says in a headless run is said better by the report."""
    options.only_summary = True
    logging.getLogger("locust.stats_logger").setLevel(logging.WARNING)
    for name in ("", "locust"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # A scenario's users are wanted at once; the remark is about users that log in when they are spawned.
    logging.getLogger("locust.runners").addFilter(lambda record: "spawn rate is very high" not in record.getMessage())
