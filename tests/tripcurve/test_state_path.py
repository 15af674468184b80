"""Where a lab's state file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tripcurve.state_path import state_folder, state_path


@pytest.mark.parametrize(
    ("environ", "folder"),
    [({}, ".tripcurve"), ({"TRIPCURVE_STATE_DIR": ""}, ".tripcurve"), ({"TRIPCURVE_STATE_DIR": "/state"}, "/state")],
)
def test_the_folder_is_the_variables_or_the_default(environ: dict[str, str], folder: str) -> None:
    assert state_folder(environ) == Path(folder)


def test_azure_and_the_local_cloud_have_separate_files() -> None:
    assert state_path("quick", "azure", Path("/s")) == Path("/s/quick.json")
    assert state_path("quick", "local", Path("/s")) == Path("/s/quick.local.json")


def test_the_default_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPCURVE_STATE_DIR", "/elsewhere")
    assert state_path("quick") == Path("/elsewhere/quick.json")
