"""What the lab's `local:` options change in the mock."""

from __future__ import annotations

import pytest

from tests.provision.local.mock.conftest import HELLO, Bench, site


def limited(option: str, value: str, **limits: int) -> Bench:
    return Bench({"sites": [site(limits=limits)], "options": {option: value}})


@pytest.mark.parametrize(("window", "fit"), [("10s", 10), ("1s", 1)])
async def test_calls_of_a_minute_are_judged_over_the_window_asked_for(window: str, fit: int) -> None:
    bench = limited("mock_rpm_window", window, rpm=60)
    assert [(await bench.ask())[0] for _ in range(fit + 1)] == [200] * fit + [429]


@pytest.mark.parametrize(("window", "then"), [("fixed_minute", 200), ("sliding_60s", 429)])
async def test_a_minute_of_tokens_ends_all_at_once_or_bit_by_bit(window: str, then: int) -> None:
    bench = limited("mock_tpm_window", window, tpm=1000)
    body = {**HELLO, "max_tokens": 450}
    assert (await bench.ask(body))[0] == 200
    bench.clock.now += 50
    assert (await bench.ask(body))[0] == 200
    bench.clock.now += 11  # the first has left a sliding window, and the fixed minute is over
    assert (await bench.ask(body))[0] == 200
    assert (await bench.ask(body))[0] == then


@pytest.mark.parametrize(
    ("flavour", "present", "absent"),
    [
        ("payg", {"retry-after": "10"}, "retry-after-ms"),
        ("ptu", {"retry-after": "10", "retry-after-ms": "10000"}, "policy-id"),
        ("none", {}, "retry-after"),
        ("day", {"retry-after": "86400"}, "retry-after-ms"),
    ],
)
async def test_a_refusal_has_the_headers_asked_for(flavour: str, present: dict[str, str], absent: str) -> None:
    bench = limited("mock_429_headers", flavour, rpm=6)
    assert (await bench.ask())[0] == 200
    status, headers, _ = await bench.ask()
    assert status == 429
    assert {name: headers[name] for name in present} == present
    assert absent not in headers
