"""The state file: whole or not at all, ours alone, 0600, and clear when it is damaged."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from provision.lifecycle.state import GatewayAccess, State, StateFile
from tests.provision.samples import AZURE, LOCAL, lab
from tripcurve.errors import BadInput, TargetUnavailable

KEY = "0123456789abcdef0123456789abcdef"
GROUP = f"/subscriptions/{AZURE.subscription_id}/resourceGroups/lab-ai-gateway"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/s"


def _endpoint() -> GatewayAccess:
    return GatewayAccess(
        gateway_url="http://127.0.0.1:1",
        api_key=SecretStr(KEY),
        deployment="d",
        api_version="2024-02-01",
        api_path="openai",
    )


def test_a_saved_state_loads_unchanged_including_its_key(tmp_path: Path) -> None:
    file = StateFile.of(lab(), AZURE, tmp_path)
    state = file.load()
    state.will_create(GROUP)
    state.endpoint = _endpoint()
    file.save(state)
    loaded = StateFile.of(lab(), AZURE, tmp_path).load()
    assert loaded == state
    assert loaded.endpoint is not None
    assert loaded.endpoint.api_key.get_secret_value() == KEY


def test_only_the_owner_can_read_the_file_and_no_temporary_file_is_left(tmp_path: Path) -> None:
    file = StateFile.of(lab(), AZURE, tmp_path)
    state = file.load()
    state.endpoint = _endpoint()
    file.save(state)
    assert [path.name for path in tmp_path.iterdir()] == ["quick.json"]
    assert stat.S_IMODE((tmp_path / "quick.json").stat().st_mode) == 0o600


def test_a_key_never_shows_in_a_state_printed_or_logged() -> None:
    state = StateFile.in_memory(lab(), AZURE).load()
    state.endpoint = _endpoint()
    assert KEY not in repr(state)
    assert KEY not in str(state)


def test_a_save_that_fails_leaves_the_former_state_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = StateFile.of(lab(), AZURE, tmp_path)
    state = file.load()
    state.will_create(GROUP)
    file.save(state)
    before = (tmp_path / "quick.json").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    state.will_create(SERVICE)
    with pytest.raises(OSError, match="No space"):
        file.save(state)
    assert (tmp_path / "quick.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["quick.json"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_state_is_refused_with_a_remedy(tmp_path: Path, share: float) -> None:
    file = StateFile.of(lab(), AZURE, tmp_path)
    state = file.load()
    state.will_create(GROUP)
    file.save(state)
    path = tmp_path / "quick.json"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(BadInput, match=r"damaged.*\n.*mv .*quick\.json .*tripcurve up"):
        file.load()


def test_a_state_of_another_subscription_is_refused_by_name(tmp_path: Path) -> None:
    state = State(lab="quick", cloud="azure", management_url=AZURE.management_url, subscription_id="another",
                  resource_group="lab-ai-gateway", created=[GROUP])  # fmt: skip
    (tmp_path / "quick.json").write_text(state.model_dump_json(), encoding="utf-8")
    with pytest.raises(BadInput, match="subscription_id another"):
        StateFile.of(lab(), AZURE, tmp_path).load()


def test_the_state_of_a_local_cloud_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    state = State(lab="quick", cloud="local", management_url="https://127.0.0.1:2",
                  subscription_id=LOCAL.subscription_id, resource_group="lab-ai-gateway", created=[GROUP])  # fmt: skip
    (tmp_path / "quick.local.json").write_text(state.model_dump_json(), encoding="utf-8")
    assert StateFile.of(lab(), LOCAL, tmp_path).load().created == []


def test_a_second_process_is_refused_with_the_first_ones_id(tmp_path: Path) -> None:
    import os

    first, second = StateFile.of(lab(), AZURE, tmp_path), StateFile.of(lab(), AZURE, tmp_path)
    with (
        first.locked(),
        pytest.raises(TargetUnavailable, match=f"process {os.getpid()}.* is working on lab quick"),
        second.locked(),
    ):
        pytest.fail("two have the lock")
    with second.locked() as state:
        assert state.created == []


def test_deleting_a_resource_forgets_its_children_and_keeps_a_name_still_reserved() -> None:
    state = StateFile.in_memory(lab(), AZURE).load()
    for arm_id in (GROUP, SERVICE, f"{SERVICE}/backends/b", f"{SERVICE}2"):
        state.will_create(arm_id)
    state.has_deleted(SERVICE, soft=True)
    assert state.created == [GROUP.lower(), f"{SERVICE}2".lower()]
    assert state.deleted == [SERVICE.lower()]
    state.will_create(SERVICE)
    assert state.deleted == []
