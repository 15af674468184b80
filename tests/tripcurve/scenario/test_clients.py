"""Client behaviours by their names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from tripcurve.scenario import Scenario
from tripcurve.scenario.clients import CLIENTS, RETRYING
from tripcurve.shipped import shipped_folder


def scenario(users: Any, **fields: Any) -> Scenario:
    phases = [{"name": "p", "for": 1, "rate": 1}]
    return Scenario.model_validate({"name": "s", "users": users, "phases": phases} | fields)


def test_names_become_classes() -> None:
    assert scenario({"openai": 3, "storm": 2, "cancel": 1, "ProbeUser": 1}).users == {
        "SdkChatUser": 3,
        "StormChatUser": 2,
        "CancelChatUser": 1,
        "ProbeUser": 1,
    }


@pytest.mark.parametrize(
    ("users", "fields", "retries"),
    [
        ({"openai": 1}, {}, 2),
        ({"patient": 1, "ChatUser": 1}, {}, 2),
        ({"storm": 1}, {"max_retries": 0}, 0),
        ({"storm": 1}, {"max_retries": 5}, 5),
        ({"cancel": 1, "none": 1}, {}, 0),
        ({"StormChatUser": 1}, {}, 0),
    ],
)
def test_a_named_client_retries_as_the_openai_package_does_unless_told_otherwise(
    users: dict[str, int], fields: dict[str, int], retries: int
) -> None:
    assert scenario(users, **fields).max_retries == retries


def test_two_names_of_one_class_are_refused() -> None:
    with pytest.raises(ValidationError, match="another name mean the class StormChatUser; give it once"):
        scenario({"storm": 1, "StormChatUser": 2})


@pytest.mark.parametrize("users", [3, ["openai"], {"openai": -1}, {"openai": None}, {1: 2}, None])
def test_users_of_another_form_are_a_mistake(users: Any) -> None:
    with pytest.raises(ValidationError):
        scenario(users)


def test_every_name_is_a_class_of_the_locustfile() -> None:
    listed = re.findall(r"\"(\w+User)\"", (shipped_folder("locustfiles") / "chat.py").read_text("utf-8"))
    assert set(listed).issuperset(CLIENTS.values())
    assert RETRYING.issubset(CLIENTS.values())
