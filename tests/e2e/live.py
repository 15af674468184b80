"""Live runs of a lab on a local cloud of its own, without the report's pages and pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from reports.loading.run import load
from reports.statistics.summary import build_summary
from reports.trips.analysis import analyse
from tests.locustfiles.forks import fork_locust
from tests.locustfiles.running import LOCUSTFILE
from tripcurve.documents import write_yaml
from tripcurve.lab import Lab

__all__ = ["live_summary"]


def live_summary(folder: Path, lab: Lab, scenario: str) -> dict[str, Any]:
    """The summary of a run, which Locust makes in `folder`/run as `tripcurve run` would have it do."""
    (folder / "lab.yaml").write_text(write_yaml(lab), "utf-8")
    (folder / "scenario.yaml").write_text(scenario, "utf-8")
    words = ["-f", str(LOCUSTFILE), "--headless", "--loglevel", "WARNING", "--no-report"]
    words += ["--lab", "lab.yaml", "--scenario", "scenario.yaml", "--run-dir", "run"]
    log = folder / "log"
    locust = fork_locust(words, folder, os.environ, log, log)
    try:
        assert locust.wait(120) == 0, log.read_text()[-2000:]
    finally:
        locust.kill()
    run = load(folder / "run")
    return build_summary(run, analyse(run), []).as_written()
