"""Behaviours that only some requests get, by their number."""

from __future__ import annotations

from typing import Any

import pytest

from provision.local.mock import behaviours
from tests.provision.local.mock.conftest import SITE, Bench

OTHER = "openaimock2.azurewebsites.net"


@pytest.fixture
def bench() -> Bench:
    return Bench({"sites": []})


def counted(which: str, **more: Any) -> dict[str, Any]:
    return {"default": {"response_status_code": 429, "which": which, "counter": "run/fault", **more}}


async def statuses(bench: Bench, count: int, simulation: dict[str, Any], **headers: str) -> list[int]:
    return [(await bench.ask(simulation=simulation, **headers))[0] for _ in range(count)]


@pytest.mark.parametrize(
    ("which", "failed"), [("first 2", [1, 2]), ("every 3rd", [3, 6]), ("4th to 6th", [4, 5, 6]), ("7th", [7])]
)
async def test_the_named_requests_fail_and_the_others_do_not(bench: Bench, which: str, failed: list[int]) -> None:
    found = await statuses(bench, 7, counted(which))
    assert [number for number, status in enumerate(found, 1) if status == 429] == failed
    assert set(found) <= {200, 429}


async def test_each_backend_counts_for_itself(bench: Bench) -> None:
    simulation = counted("first 1")
    assert await statuses(bench, 2, simulation, host=SITE) == [429, 200]
    assert await statuses(bench, 2, simulation, host=OTHER) == [429, 200]


async def test_a_new_counter_begins_at_one(bench: Bench) -> None:
    assert await statuses(bench, 2, counted("first 1")) == [429, 200]
    assert await statuses(bench, 2, counted("first 1", counter="run/again")) == [429, 200]
    assert await statuses(bench, 1, counted("first 1")) == [200]


@pytest.mark.parametrize(("per", "second"), [("backend", [200, 200]), ("instance", [429, 200])])
async def test_each_gateway_instance_is_counted_by_itself_if_asked(bench: Bench, per: str, second: list[int]) -> None:
    simulation = counted("first 1", per=per)
    assert await statuses(bench, 2, simulation, x_tripcurve_instance="0") == [429, 200]
    assert await statuses(bench, 2, simulation, x_tripcurve_instance="1") == second


async def test_a_request_without_the_right_to_ask_is_not_counted(bench: Bench) -> None:
    assert (await bench.ask(b"{", simulation=counted("first 1")))[0] == 400
    assert await statuses(bench, 1, counted("first 1")) == [429]


async def test_names_of_counts_cannot_fill_the_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behaviours, "MOST_COUNTS", 2)
    for counter in ("a", "b", "a", "c"):
        await bench.ask(simulation=counted("first 1", counter=counter))
    assert await statuses(bench, 1, counted("first 1", counter="a")) == [200], "the count used last is kept"
    assert await statuses(bench, 1, counted("first 1", counter="b")) == [429], "the oldest count is forgotten"


async def test_a_text_that_names_no_requests_is_a_400_that_says_what_to_write(bench: Bench) -> None:
    status, _, body = await bench.ask(simulation=counted("sometimes"))
    assert status == 400
    assert "default.which: 'sometimes' names no requests; write `first 2`" in body["error"]["message"]
