"""`tripcurve capacity` as a command: a log, what a change would give, and prices in one report."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from tripcurve.cli import app

LOG = "time,status,latency_ms,prompt_tokens,completion_tokens\n" + "".join(
    f"{1_764_000_000 + n / 5:.2f},200,20,40,20\n" for n in range(300)
)


def test_a_log_is_reported_with_costs_and_with_what_a_change_would_give(tmp_path: Path) -> None:
    log, out = tmp_path / "log.csv", tmp_path / "out"
    log.write_text(LOG)
    words = [
        "capacity",
        "quota",
        "--from",
        str(log),
        "--out",
        str(out),
        "--price-in",
        "1",
        "--price-out",
        "1",
        "--json",
    ]
    words += ["--what-if", "rpm=1200", "--start", "8", "--to", "16", "--tolerance", "1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["cost"]["per_million_tokens"] == 1.0
    as_it_is, twice = found["simulated"]
    assert (as_it_is["change"], twice["change"]) == (None, "rpm=1200")
    assert as_it_is["carried_s"] < 12 < twice["carried_s"]
    assert "(simulated)" in (out / "report.html").read_text("utf-8")
