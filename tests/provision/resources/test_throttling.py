"""How a throttled call is repeated: after the time that ARM asks for, and not for ever."""

from __future__ import annotations

from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest

from provision.resources.throttling import LIMIT_S, Throttling

NOW = 1_000_000.0


def answered(status: int, retry_after: str | None = None) -> Any:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return SimpleNamespace(http_response=SimpleNamespace(status_code=status, headers=headers))


def send(*answers: Any) -> tuple[int, list[float]]:
    """The status that comes through, and the waits. The last answer is repeated for ever."""
    waits: list[float] = []
    policy, left = Throttling(lambda seconds, _: waits.append(seconds), 2.0, lambda: NOW), list(answers)
    policy.next = SimpleNamespace(send=lambda _: left[0] if len(left) == 1 else left.pop(0))
    return policy.send("request").http_response.status_code, waits


@pytest.mark.parametrize("status", [200, 404, 500, 503])
def test_only_a_throttled_call_is_repeated(status: int) -> None:
    assert send(answered(status, "30")) == (status, [])


@pytest.mark.parametrize(
    ("header", "wait"),
    [("30", 30.0), ("0", 2.0), ("0.5", 2.0), (None, 2.0), ("soon", 2.0), (formatdate(NOW + 60, usegmt=True), 60.0)],
)
def test_the_wait_is_the_one_that_arm_asks_for_but_never_none(header: str | None, wait: float) -> None:
    assert send(answered(429, header), answered(200)) == (200, [wait])


def test_a_call_that_stays_throttled_ends_with_its_429_within_the_limit() -> None:
    status, waits = send(answered(429, "1000"))
    assert (status, waits) == (429, [1000.0] * int(LIMIT_S // 1000))
    assert send(answered(429, "4000")) == (429, [])
