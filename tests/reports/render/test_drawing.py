"""Drawing in other processes, and the page's script kept between reports."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest
import vl_convert

from reports.render.charts import figures, linked, on_one_axis, specifications
from reports.render.drawing import drawing_process, svg_of, vega_script
from tests.reports.conftest import Reported

OTHER = {"data": {"values": []}, "mark": "bar"}
SPEC = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: f"built('</script>'); {snippet}")
    vega_script.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def _forget_the_script() -> None:
    vega_script.cache_clear()


def test_another_process_draws_the_same_picture() -> None:
    with drawing_process() as draw:
        drawn = [draw(SPEC), draw(OTHER)]
        assert [one.result() for one in drawn] == [svg_of(SPEC), svg_of(OTHER)]


def test_the_script_is_built_once_and_then_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = vega_script()
    assert "</script" not in built
    vega_script.cache_clear()
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: "built again")
    assert vega_script() == built


def test_a_damaged_script_is_built_again(cache: Path) -> None:
    built = vega_script()
    [kept] = (cache / "tripcurve").iterdir()
    kept.write_text(kept.read_text("utf-8")[:-5], "utf-8")
    vega_script.cache_clear()
    assert vega_script() == built


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "file"))
    assert vega_script().startswith("built(")


def test_a_process_that_died_is_an_error_and_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/true")
    with drawing_process() as draw, pytest.raises(BrokenExecutor):
        draw(SPEC).result(timeout=60)


def test_the_specifications_satisfy_altairs_schema(good: Reported) -> None:
    drawn = figures(good.run, good.analysis, good.run.duration_s)
    for figure in drawn.values():
        figure.to_dict(validate=True)
    whole = linked(drawn).to_dict(validate=True)
    assert whole["params"] == on_one_axis(specifications(good.run, good.analysis, good.run.duration_s))["params"]
    assert len(whole["vconcat"]) == len(drawn)


def test_the_charts_of_the_report_need_no_altair() -> None:
    """Importing it takes half a second."""
    script = "import sys, reports.commands.report, reports.render.writers; print('altair' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout == b"False\n"
