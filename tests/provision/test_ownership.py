"""`down` and `up` touch what this lab created, on a real control plane, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.down import down_lab
from provision.lifecycle.state import StateFile
from provision.lifecycle.status import status_lab
from provision.resources.clouds import Cloud
from tests.provision.labs import altered, cleaned_up, mock_lab, openai_lab, opened, pool_lab
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.lab import Lab

pytestmark = pytest.mark.control_plane


def _beside(lab: Lab, **changes: object) -> Lab:
    """Another lab in the same group."""
    return altered(mock_lab(), resource_group=lab.resource_group, **changes)


def test_a_group_that_was_there_before_stays(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with opened(lab, local_cloud) as context:
        groups = context.clients.resources.resource_groups
        groups.create_or_update(lab.resource_group, {"location": lab.location, "tags": {"team": "others"}})
        with cleaned_up(lab, local_cloud, tmp_path) as state:
            apply_lab(lab, local_cloud, state=state)
            removed = down_lab(lab, local_cloud, purge=True, state=state)
            assert [(left.type, left.why) for left in removed.left] == [("resource group", "existed before this lab")]
        assert (groups.get(lab.resource_group).tags or {}) == {"team": "others"}
        groups.begin_delete(lab.resource_group).result()


def test_a_group_shared_with_another_lab_stays_until_the_last_is_gone(local_cloud: Cloud, tmp_path: Path) -> None:
    first = mock_lab()
    second = _beside(first)
    with cleaned_up(first, local_cloud, tmp_path) as one, cleaned_up(second, local_cloud, tmp_path) as two:
        apply_lab(first, local_cloud, state=one)
        apply_lab(second, local_cloud, state=two)
        removed = down_lab(first, local_cloud, purge=True, state=one)
        assert "still contains 3 not of this lab" in removed.left[0].why
        assert status_lab(second, local_cloud, state=two).standing == "up"
        down_lab(second, local_cloud, purge=True, state=two)
        assert [left.type for left in down_lab(first, local_cloud, purge=True, state=one).left] == []


def test_an_existing_gateway_is_used_and_keeps_all_but_what_the_lab_put_in(local_cloud: Cloud, tmp_path: Path) -> None:
    owner = mock_lab()
    guest = _beside(
        owner,
        gateway=owner.gateway.model_dump(mode="json"),
        api={"id": "guest", "path": "guest"},
        existing={"gateway": True, "resource_group": True},
    )
    with cleaned_up(owner, local_cloud, tmp_path) as one, cleaned_up(guest, local_cloud, tmp_path) as two:
        apply_lab(owner, local_cloud, state=one)
        apply_lab(guest, local_cloud, state=two)
        assert not plan_lab(guest, local_cloud, state=two).has_changes
        removed = down_lab(guest, local_cloud, purge=True, state=two)
        assert "API guest" in removed.deleted
        assert {left.type for left in removed.left} == {"gateway", "resource group"}
        assert status_lab(owner, local_cloud, state=one).standing == "up"
        with opened(owner, local_cloud) as context:
            entities = context.clients.apim.backend.list_by_service(owner.resource_group, owner.gateway.name)
            assert [entity.name for entity in entities] == [owner.backends[0].name]


def test_an_existing_account_is_used_and_stays(local_cloud: Cloud, tmp_path: Path) -> None:
    owner = openai_lab()
    account = owner.backends[0].name
    guest = altered(
        openai_lab(),
        resource_group=owner.resource_group,
        backends=[owner.backends[0].model_dump(mode="json")],
        existing={"accounts": [account]},
    )
    with cleaned_up(owner, local_cloud, tmp_path) as one, cleaned_up(guest, local_cloud, tmp_path) as two:
        apply_lab(owner, local_cloud, state=one)
        apply_lab(guest, local_cloud, state=two)
        removed = down_lab(guest, local_cloud, purge=True, state=two)
        assert any(item.startswith("role assignment") for item in removed.deleted)
        assert status_lab(owner, local_cloud, state=one).standing == "up"


def test_another_labs_gateway_is_not_taken_over(local_cloud: Cloud, tmp_path: Path) -> None:
    owner = mock_lab()
    rival = _beside(owner, gateway=owner.gateway.model_dump(mode="json"))
    with cleaned_up(owner, local_cloud, tmp_path) as state:
        apply_lab(owner, local_cloud, state=state)
        with pytest.raises(BadInput, match=f"belongs to lab {owner.name}; to use it, write `existing"):
            apply_lab(rival, local_cloud, state=StateFile.of(rival, local_cloud, tmp_path))
        assert status_lab(owner, local_cloud, state=state).standing == "up"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"location": "westeurope"}, "location eastus, the lab says westeurope"),
        ({"sku": "StandardV2"}, "sku BasicV2, the lab says StandardV2"),
    ],
)
def test_another_location_or_tier_is_refused_before_anything(
    changes: dict[str, str], wanted: str, local_cloud: Cloud, tmp_path: Path
) -> None:
    lab = mock_lab()
    sku = changes.get("sku")
    more = {"gateway": {**lab.gateway.model_dump(mode="json"), "sku": sku}} if sku else changes
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        before = (tmp_path / f"{lab.name}.local.json").read_bytes()
        with pytest.raises(BadInput, match=f"(?s){wanted}.*nothing was changed"):
            apply_lab(altered(lab, **more), local_cloud, state=state)
        assert (tmp_path / f"{lab.name}.local.json").read_bytes() == before
        assert not plan_lab(lab, local_cloud, state=state).has_changes


def test_a_backend_that_left_the_lab_is_deleted_and_the_pool_with_it(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = pool_lab()
    alone = altered(lab, backends=[lab.backends[0].model_dump(mode="json")])
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        plan = plan_lab(alone, local_cloud, state=state)
        doomed = [f"{action.type} {action.name}" for action in plan.actions if action.action == "delete"]
        assert len(doomed) == 4  # pool, second backend, its web app and that one's plan
        apply_lab(alone, local_cloud, state=state)
        assert not plan_lab(alone, local_cloud, state=state).has_changes
        assert status_lab(alone, local_cloud, state=state).standing == "up"


def test_a_lost_state_file_is_made_anew_from_the_tags(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        assert state.path is not None
        state.path.unlink()
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        apply_lab(lab, local_cloud, state=state)
        assert state.load().endpoint is not None
        removed = down_lab(lab, local_cloud, purge=True, state=state)
        assert removed.left == []
        assert removed.purged == [f"gateway {lab.gateway.name}"]


def test_a_purge_frees_the_names_of_a_lab_that_has_changed_since(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    moved = altered(
        lab,
        location="westeurope",
        gateway={**lab.gateway.model_dump(), "name": f"{lab.gateway.name}-b"},
    )
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        down_lab(lab, local_cloud, state=state)
        removed = down_lab(moved, local_cloud, purge=True, state=state)
        account = lab.backends[0].name
        assert sorted(removed.purged) == [f"OpenAI account {account}", f"gateway {lab.gateway.name}"]
        assert (removed.held, removed.free_with) == ([], None)
        apply_lab(moved, local_cloud, state=state)
        down_lab(moved, local_cloud, purge=True, state=state)


def test_an_account_held_in_another_region_is_told_before_anything_is_made(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab()
    moved = altered(lab, location="westeurope")
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        down_lab(lab, local_cloud, state=state)
        with pytest.raises(TargetUnavailable, match=r"OpenAI account .* held by a soft-deleted one"):
            apply_lab(moved, local_cloud, state=state)
        assert status_lab(moved, local_cloud, state=state).standing == "down"


def test_the_command_that_frees_a_name_finds_the_labs_own_file(local_cloud: Cloud, tmp_path: Path) -> None:
    lab, file = mock_lab(), tmp_path / "my lab.yaml"
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, lab_file=file, state=state)
        command = f"tripcurve down '{file}' --purge"
        assert down_lab(lab, local_cloud, lab_file=file, state=state).free_with == command
        with pytest.raises(TargetUnavailable, match=re.escape(command)):
            apply_lab(lab, local_cloud, lab_file=file, state=state)


def test_a_region_without_the_model_is_told_before_anything_is_made(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = altered(openai_lab(), location="centralus")
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        with pytest.raises(BadInput, match=r"region centralus does not offer [\s\S]*nothing was changed"):
            apply_lab(lab, local_cloud, state=state)
        assert status_lab(lab, local_cloud, state=state).standing == "down"


def test_a_gateway_taken_down_without_purge_holds_its_name_and_says_how_to_free_it(
    local_cloud: Cloud, tmp_path: Path
) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        assert down_lab(lab, local_cloud, state=state).held == [lab.gateway.name]
        with pytest.raises(TargetUnavailable, match=f"tripcurve down {lab.name} --purge"):
            apply_lab(lab, local_cloud, state=state)
        assert down_lab(lab, local_cloud, purge=True, state=state).purged == [f"gateway {lab.gateway.name}"]
        apply_lab(lab, local_cloud, state=state)
        assert status_lab(lab, local_cloud, state=state).standing == "up"
