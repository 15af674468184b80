"""Bad input: one clear message naming file, field and remedy, the right exit code, nothing created or left running."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.commands import left_running, tripcurve
from tripcurve.cli import main
from tripcurve.shipped import shipped_folder

QUICK = (shipped_folder("provision/labs") / "quick.yaml").read_text()
SCENARIO = (shipped_folder("locustfiles/scenarios") / "trip-and-recover.yaml").read_text()
Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command in this process and returns its messages; it must end with exit code 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIPCURVE_API_KEY", "")

    def run(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["tripcurve", *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("old", "new", "field", "remedy"),
    [
        ("units: 1", "units: 1\n  unitz: 2", "gateway.unitz", "unknown key; did you mean 'units'? Known keys: answers"),
        ("sku: BasicV2", "sku: Consumption", "gateway.sku", "use BasicV2"),
        ("interval: PT20S", "interval: 5 minutes", "backends[0].breaker.interval", "PT5M"),
        ("policy: single-backend.xml", "policy: none.xml", "api.policy", "single-backend"),
        ("count: 3", "count: 0", "backends[0].breaker.count", "must be at least 1, not 0"),
        ("count: 3", "count: 3\n      percentage: 5", "backends[0].breaker", "exactly one of count and percentage"),
        ("status_codes: [429]", "status_codes: [599-500]", "backends[0].breaker", "lower end first"),
        ("name: quick\n", "name: quick\nname: again\n", "line 2", "duplicate key"),
    ],
)
def test_bad_lab_is_refused(refused: Refused, tmp_path: Path, old: str, new: str, field: str, remedy: str) -> None:
    assert old in QUICK
    lab = tmp_path / "lab.yaml"
    lab.write_text(QUICK.replace(old, new, 1))
    said = refused("run", str(lab))
    assert "lab.yaml" in said
    assert field in said
    assert remedy in said
    assert list(tmp_path.iterdir()) == [lab]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("simulate: {default:", "simulate: {nobody:", ("phases[1].simulate.nobody", "openaimock1")),
        ("rate: 40}", "rate: 0}", ("phases[0]", "more than 0")),
        ("rate: 40}", "rate: 40, users: 2}", ("phases[0]", "exactly one of rate")),
        ("time_to_trip_s.max < 2", "time_to_trip_s.max is small", ("checks", "a check looks like")),
    ],
)
def test_bad_scenario_is_refused(refused: Refused, tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    assert old in SCENARIO
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(SCENARIO.replace(old, new, 1))
    said = refused("run", "quick", "--scenario", str(scenario))
    assert "scenario.yaml" in said
    for word in words:
        assert word in said
    assert list(tmp_path.iterdir()) == [scenario]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "nowhere"), "lab 'nowhere' not found"),
        (("run", "quick", "--scenario", "nowhere"), "scenario 'nowhere' not found"),
        (("run", "quick", "--target", "ftp://example"), "--target 'ftp://example' is neither"),
        (("run", "quick", "--target", "https://gateway.example"), "TRIPCURVE_API_KEY"),
        (("run", "quick", "--check", "nonsense"), "a check looks like"),
        (("run", "--nonsense"), "No such option"),
        (("report", "nowhere"), "not a run directory"),
    ],
)
def test_bad_usage_is_refused(refused: Refused, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    assert message in refused(*words)
    assert list(tmp_path.iterdir()) == []


def test_port_in_use_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    marker = f"TRIPCURVE_TEST={uuid.uuid4()}"
    name, _, value = marker.partition("=")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = tripcurve("local", "quick", "--gateway-port", port, cwd=tmp_path, env={name: value})
    assert done.returncode == 3
    assert port in done.stderr
    assert "in use" in done.stderr
    assert "--gateway-port" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_running(marker) == []


def test_unreachable_target_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    done = tripcurve("run", "quick", "--target", url, cwd=tmp_path, env={"TRIPCURVE_API_KEY": "key"})
    assert done.returncode == 3
    assert f"{url} cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_key_is_named_and_not_printed(tmp_path: Path, local_cloud: dict[str, str]) -> None:
    url, key = local_cloud["gateway_url"], "wrong-key-5f1c"
    done = tripcurve("run", "quick", "--target", url, cwd=tmp_path, env={"TRIPCURVE_API_KEY": key})
    assert done.returncode == 3
    assert f"{url} refused the key (401); check TRIPCURVE_API_KEY" in done.stderr
    assert key not in done.stderr + done.stdout
    assert list(tmp_path.iterdir()) == []
