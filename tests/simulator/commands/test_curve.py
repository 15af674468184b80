"""`tripcurve curve`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.commands.curve import CurveOptions, curve_command
from tests.tripcurve.breaker.breakers import lab_file
from tripcurve.errors import BadInput


def test_it_writes_the_curve_as_json_picture_and_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    curve_command("seed", CurveOptions(rates=(20.0,), seeds=20), tmp_path / "out", True)
    printed = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in printed["files"]] == ["curve.json", "curve.svg", "curve.png", "curve.html"]
    assert printed["rule"]["count"] == 3
    assert {point["rate"] for point in printed["points"]} == {20.0}
    assert (tmp_path / "out" / "curve.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "out" / "curve.html").read_text("utf-8")
    assert "currentColor" in page
    assert "when every answer fails" in page


def test_another_rule_can_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    curve_command("seed", CurveOptions(rates=(20.0,), seeds=20, count=1, retry_after=True), tmp_path / "out", False)
    assert "rule 1 in PT5M, open PT1M, or Retry-After" in capsys.readouterr().out


def test_a_rule_that_cannot_trip_says_so_and_draws_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    curve_command("seed", CurveOptions(rates=(0.001,), seeds=20), tmp_path / "out", False)
    assert "cannot trip" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["curve.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CurveOptions(count=0), "--count must be 1 to 10,000"),
        (CurveOptions(count=1, measure=2), "leave out --count"),
        (CurveOptions(rates=(0.001,), seeds=20, measure=2), "no trip comes within"),
    ],
)
def test_a_curve_that_cannot_be_drawn_or_measured_is_refused(
    options: CurveOptions, message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        curve_command("seed", options, tmp_path / "out", False)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.touch()
    with pytest.raises(BadInput, match=f"--out {path} is a file"):
        curve_command("quick", CurveOptions(seeds=20), path, as_json=False)


def test_another_gateways_rule_has_no_curve(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gateway\.kind: envoy"):
        curve_command(lab_file(tmp_path, "envoy"), CurveOptions(), tmp_path / "out", False)
