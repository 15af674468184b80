"""Each exit code of README's table and of `--help` is reached by the command that a user would type."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.virtual import run_virtual
from tests.e2e.commands import COMMAND
from tests.locustfiles.servers import Gateway, serving
from tests.virtual_run import write_virtual_run
from tripcurve.cli import EXIT_CODES, main
from tripcurve.lab import load_lab
from tripcurve.run.layout import INFO
from tripcurve.scenario import load_scenario

ROOT = Path(__file__).parents[2]
README = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
Words = Callable[[Path], list[str]]


def recorded(folder: Path, killed: bool = False) -> str:
    """Return the folder of a run in virtual time; `killed`: before it wrote run.json."""
    lab = load_lab("quick")
    scenario = load_scenario("trip-and-recover", lab)
    write_virtual_run(folder, lab, scenario, run_virtual(lab, scenario, seed=1))
    if killed:
        (folder / INFO).unlink()
    return str(folder)


def nobodys_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


COMMANDS: dict[int, Words] = {
    0: lambda folder: ["validate", "quick"],
    1: lambda folder: ["report", recorded(folder / "run"), "--check", "time_to_trip_s.max < 0"],
    2: lambda folder: ["report", str(folder / "nowhere")],
    3: lambda folder: ["run", "quick", "--target", nobodys_url()],
    4: lambda folder: ["report", recorded(folder / "run", killed=True)],
}


@pytest.mark.parametrize("code", COMMANDS)
def test_a_command_ends_with_each_exit_code(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIPCURVE_API_KEY", "k")
    monkeypatch.setattr("sys.argv", ["tripcurve", *COMMANDS[code](tmp_path)])
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code or 0) == code


def test_a_plan_with_changes_has_an_exit_code_of_its_own(
    local_cloud: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cloud.json").write_text(json.dumps(local_cloud))
    words = ["plan", "pool", "--cloud", "local", "--connection", str(tmp_path / "cloud.json")]
    monkeypatch.setattr("sys.argv", ["tripcurve", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 10


def test_an_interrupted_start_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C when the run's folder has just been made."""
    gateway = Gateway()
    with serving(gateway) as port:
        process = subprocess.Popen(
            [*COMMAND, "run", "quick", "--target", f"http://127.0.0.1:{port}", "--run-dir", "it"],
            cwd=tmp_path,
            env={**os.environ, "TRIPCURVE_API_KEY": "k"},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 60
        while not (tmp_path / "it").exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in err) == (130, False), err
    assert list(tmp_path.iterdir()) == []
    assert gateway.served == 0


def test_the_tables_name_the_same_codes() -> None:
    codes = [int(code) for code, _ in README]
    assert codes == [*COMMANDS, 10, 130]
    assert codes == [int(code) for code in re.findall(r"[:;] (\d+) ", EXIT_CODES)]
