"""A program is found where its user says, and gets nothing of ours that it does not need."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.local.gateways.program import command_path, environment
from tripcurve.errors import TargetUnavailable

VARIABLE = "TRIPCURVE_SOME_GATEWAY"
NAME = "some-gateway-that-nobody-has"


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_a_program_that_is_nowhere_is_none() -> None:
    assert command_path(VARIABLE, NAME) is None


def test_the_variable_is_asked_first_then_the_path_then_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = executable(tmp_path / "package" / NAME)
    assert command_path(VARIABLE, NAME, tmp_path / "absent", candidate) == candidate
    on_path = executable(tmp_path / "bin" / NAME)
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert command_path(VARIABLE, NAME, candidate) == on_path
    named = executable(tmp_path / "named")
    monkeypatch.setenv(VARIABLE, str(named))
    assert command_path(VARIABLE, NAME, candidate) == named


def test_a_variable_that_names_no_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(TargetUnavailable, match=f"{VARIABLE}: there is no file .*absent"):
        command_path(VARIABLE, NAME)


def test_a_program_gets_no_credential_and_no_proxy_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "AZURE_CLIENT_SECRET", "TRIPCURVE_API_KEY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "secret")
    found = environment(tmp_path, OWN="1")
    assert "secret" not in found.values()
    assert (found["HOME"], found["OWN"]) == (str(tmp_path), "1")
    assert "PATH" in found
