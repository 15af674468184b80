"""A lab with `events: true`: `up` makes the queue and the subscription, `down` removes them, and `plan` sees drift."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.down import down_lab
from provision.resources.clouds import Cloud
from provision.resources.events import QUEUE, EventSubscription, account_name
from provision.resources.graph import lab_resources
from tests.provision.labs import altered, cleaned_up, mock_lab, opened

pytestmark = pytest.mark.control_plane

KINDS = ["storage account", "storage queue", "event subscription"]


def test_the_queue_lives_and_goes_with_the_lab(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab(events=True)
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        made = [action.type for action in apply_lab(lab, local_cloud, state=state).plan.actions]
        assert made[-3:] == KINDS
        assert not plan_lab(lab, local_cloud, state=state).has_changes
        with opened(lab, local_cloud) as context:
            (found,) = [each for each in lab_resources(context) if isinstance(each, EventSubscription)]
            ids = [each.id.lower() for each in lab_resources(context)[-3:]]
            assert found.get() is not None
        removed = down_lab(lab, local_cloud, state=state)
        assert [kind for name in removed.deleted for kind in KINDS if name.startswith(kind)] == KINDS[::-1]
        with opened(lab, local_cloud) as context:
            left = {(item.id or "").lower() for item in context.clients.resources.resources.list()}
        assert left & set(ids) == set()


def test_a_changed_subscription_is_seen_and_mended(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab(events=True)
    with cleaned_up(lab, local_cloud, tmp_path) as state, opened(lab, local_cloud) as context:
        apply_lab(lab, local_cloud, state=state)
        (found,) = [each for each in lab_resources(context) if isinstance(each, EventSubscription)]
        body = found.body()
        body["properties"]["filter"] = {"includedEventTypes": ["Other"]}
        generic = context.clients.resources.resources
        generic.begin_create_or_update_by_id(found.id, body, api_version=found.api_version).result()
        changed = [action for action in plan_lab(lab, local_cloud, state=state).actions if action.action == "change"]
        assert [action.type for action in changed] == ["event subscription"]
        apply_lab(lab, local_cloud, state=state)
        assert not plan_lab(lab, local_cloud, state=state).has_changes


def test_events_that_a_lab_no_longer_wants_are_removed_by_up(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = mock_lab(events=True)
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        plan = apply_lab(altered(lab, events=False), local_cloud, state=state).plan
        assert {action.type for action in plan.actions if action.action == "delete"} == {KINDS[0], KINDS[2]}
        assert not plan_lab(altered(lab, events=False), local_cloud, state=state).has_changes


def test_the_accounts_name_is_one_that_azure_takes_and_differs_by_lab() -> None:
    group = "/subscriptions/s/resourceGroups/g"
    names = {account_name(group, lab) for lab in ("a", "b", "C-d")} | {account_name(f"{group}x", "a")}
    assert len(names) == 4
    assert all(re.fullmatch(r"[a-z0-9]{3,24}", name) for name in names)
    assert account_name(group.upper(), "a") == account_name(group, "a")
    assert re.fullmatch(r"[a-z0-9-]{3,63}", QUEUE)
