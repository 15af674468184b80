"""The dashboard for Grafana asks for what the endpoint exports, in queries that Prometheus understands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import tests.locustfiles.unpatched  # noqa: F401  # before any test imports Locust
from locustfiles.commands.export import export_command
from locustfiles.deploy.grafana import PORT, dashboard
from locustfiles.telemetry.metrics import HISTOGRAMS, METRICS

PANELS: list[dict[str, Any]] = dashboard("quick")["panels"]  # type: ignore[assignment]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
EXPORTED = {
    **{metric.prometheus_name + ("_total" if metric.kind == "counter" else ""): metric for metric in METRICS.values()},
    **{f"{each.prometheus_name}_{part}": each for each in HISTOGRAMS for part in ("bucket", "count", "sum")},
}
OF_PROMETHEUS = {"instance", "job", "le"}


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_every_query_names_metrics_and_labels_that_are_exported(title: str, query: str) -> None:
    names = re.findall(r"\btripcurve_\w+", query)
    assert names
    assert set(names) <= set(EXPORTED)
    used = set(re.findall(r"(\w+)=~?\"", query))
    for inside in re.findall(r"by \(([^)]*)\)", query):
        used |= {label.strip() for label in inside.split(",")}
    known = {label for name in names for label in EXPORTED[name].labels}
    assert used <= known | OF_PROMETHEUS


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_legends_use_labels_that_the_query_keeps(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        kept = {
            label.strip() for inside in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in inside.split(",")
        }
        alone = {label for name in re.findall(r"tripcurve_\w+", target["expr"]) for label in EXPORTED[name].labels}
        assert shown <= (kept if "(" in target["expr"] else alone)


def test_state_sheds_throttles_outage_and_tokens_are_shown() -> None:
    text = " ".join(query for _, query in QUERIES)
    totals = ("tripcurve_outage_seconds_total", "tripcurve_tokens_total")
    for part in ("tripcurve_breaker_open", 'kind="shed"', 'kind="429"', *totals):
        assert part in text


def test_panels_lie_beside_each_other() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & own
        assert place["x"] + place["w"] <= 24
        cells |= own
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_the_export_has_the_dashboard_and_the_scrape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export_command("quick", "grafana", tmp_path / "out") == 0
    board = json.loads((tmp_path / "out" / "dashboard.json").read_text("utf-8"))
    assert (board["title"], board["panels"]) == ("Tripcurve · quick", PANELS)
    config = yaml.safe_load((tmp_path / "out" / "prometheus.yml").read_text("utf-8"))
    assert config["scrape_configs"][0]["static_configs"] == [{"targets": [f"127.0.0.1:{PORT}"]}]
    assert f"tripcurve run quick --prometheus {PORT}" in capsys.readouterr().err


def test_prometheus_parses_every_query(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine (Debian: apt install prometheus)")
    known = {"$__rate_interval": "5s", "$instance": ".*"}
    queries = [query for _, query in QUERIES]
    for variable, value in known.items():
        queries = [query.replace(variable, value) for query in queries]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
    done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_grafanas_own_models_read_the_dashboard() -> None:
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    read = models.Dashboard.from_json(dashboard("quick"))
    assert len(read.panels) == len(PANELS)
