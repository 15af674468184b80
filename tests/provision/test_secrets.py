"""No key, secret or token leaves by any output, log, exception or file but the state file."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from provision import commands
from tests.provision.labs import openai_lab
from tripcurve.errors import TripcurveError
from tripcurve.state_path import state_folder

SECRET_VALUE = "value-that-only-the-policy-may-know"


@pytest.fixture
def lab_file(tmp_path: Path) -> Path:
    """A lab with a secret named value, in a file."""
    lab = openai_lab(api={"named_values": {"function-key": SECRET_VALUE}})
    path = tmp_path / "lab.yaml"
    path.write_text(yaml.safe_dump(lab.model_dump(mode="json")), encoding="utf-8")
    return path


def _secrets(connection: dict[str, Any], key: str) -> list[str]:
    """The actual values, the token of this client and every part of it among them."""
    answer = requests.post(
        f"{connection['management_url']}/{connection['tenant_id']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": connection["client_id"],
            "client_secret": connection["client_secret"],
            "scope": f"{connection['management_url']}/.default",
        },
        verify=connection["ca_file"],
        timeout=10,
    )
    header = answer.json()["access_token"].split(".")[0]  # the same in every token of this cloud
    return [connection["client_secret"], key, header, SECRET_VALUE]


def test_no_output_log_or_exception_carries_a_secret(
    lab_file: Path,
    connection: dict[str, Any],
    connection_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TRIPCURVE_STATE_DIR", str(tmp_path / "state"))
    caplog.set_level(logging.DEBUG)
    words: list[Callable[..., int]] = [commands.plan, commands.up, commands.up, commands.status, commands.smoke]
    for command in words:
        for as_json in (False, True):
            command(str(lab_file), commands.CloudOptions("local", connection_file), as_json=as_json)
    key = _state(tmp_path)["endpoint"]["api_key"]
    failures = [_failure(lab_file, connection, tmp_path)]
    changed = lab_file.read_text(encoding="utf-8").replace(SECRET_VALUE, f"{SECRET_VALUE}-2")
    lab_file.write_text(changed, encoding="utf-8")
    commands.plan(str(lab_file), commands.CloudOptions("local", connection_file), as_json=True)
    commands.down(str(lab_file), commands.CloudOptions("local", connection_file), purge=True, as_json=True)
    output = capfd.readouterr()
    everything = "\n".join([output.out, output.err, caplog.text, *failures])
    assert '"has_changes":true' in output.out
    for secret in _secrets(connection, key):
        assert secret not in everything


def _state(tmp_path: Path) -> dict[str, Any]:
    (path,) = (tmp_path / "state").glob("*.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _failure(lab_file: Path, connection: dict[str, Any], tmp_path: Path) -> str:
    """What a refused sign-in says, with everything that hangs on it."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**connection, "client_id": "nobody"}), encoding="utf-8")
    with pytest.raises(TripcurveError) as caught:
        commands.plan(str(lab_file), commands.CloudOptions("local", wrong))
    return f"{caught.value!r} {caught.getrepr(showlocals=False)}"


def test_the_key_is_in_the_state_file_alone_and_that_is_private(
    lab_file: Path, connection_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPCURVE_STATE_DIR", str(tmp_path / "state"))
    commands.up(str(lab_file), commands.CloudOptions("local", connection_file))
    try:
        key = _state(tmp_path)["endpoint"]["api_key"]
        holding = [path for path in tmp_path.rglob("*") if path.is_file() and key in path.read_text(encoding="utf-8")]
        assert [path.parent for path in holding] == [state_folder()]
        assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600
        assert stat.S_IMODE(state_folder().stat().st_mode) == 0o700
    finally:
        commands.down(str(lab_file), commands.CloudOptions("local", connection_file), purge=True)
