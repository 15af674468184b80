"""Clients' waits before a retry."""

from __future__ import annotations

import random

import pytest

from simulator.clients import retry_wait_s


@pytest.mark.parametrize(
    ("user", "status", "hint", "version", "wait"),
    [
        ("ChatUser", 503, 1.0, 3, None),
        ("StormChatUser", 503, 9.0, 3, 0.0),
        ("PatientChatUser", 429, 9.0, 3, 9.0),
        ("PatientChatUser", 429, None, 3, 1.0),
        ("SdkChatUser", 429, 100.0, 3, 100.0),
        ("SdkChatUser", 429, 121.0, 3, None),
        ("SdkChatUser", 400, None, 3, None),
        ("SdkChatUser", 200, None, 3, None),
    ],
)
def test_a_client_waits_as_its_kind_does(
    user: str, status: int, hint: float | None, version: int, wait: float | None
) -> None:
    assert retry_wait_s(user, status, hint, 0, random.Random(0), sdk_version=version) == wait


def test_an_older_openai_package_backs_off_instead_of_a_long_retry_after() -> None:
    wait = retry_wait_s("SdkChatUser", 429, 100.0, 0, random.Random(0), sdk_version=2)
    assert wait is not None
    assert 0.375 <= wait <= 0.5
