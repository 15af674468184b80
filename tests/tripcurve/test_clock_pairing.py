"""Two clocks are paired as exactly as the process was allowed to read them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

from hypothesis import given
from hypothesis import strategies as st

from tripcurve.clock_pairing import ATTEMPTS, pair_clocks

AHEAD_NS = 1_795_933_944_000_000_000


@given(st.lists(st.integers(0, 50_000_000), min_size=3, max_size=3 * ATTEMPTS))
def test_the_pairs_error_is_at_most_half_of_the_fastest_reading(delays: list[int]) -> None:
    """`delays`: how long the process is held up before each reading, ns; the last is repeated."""
    now, waits = 0, chain(delays, repeat(delays[-1]))
    gaps: list[list[int]] = []

    def read(offset: int, waits: Iterator[int] = waits) -> int:
        nonlocal now
        now += next(waits) + 40
        return now + offset

    def monotonic() -> int:
        at = read(0)
        if not gaps or len(gaps[-1]) == 2:
            gaps.append([])
        gaps[-1].append(at)
        return at

    unix_ns, monotonic_ns = pair_clocks(lambda: read(AHEAD_NS), monotonic)
    assert len(gaps) == ATTEMPTS
    least = min(after - before for before, after in gaps)
    assert abs(unix_ns - monotonic_ns - AHEAD_NS) <= -(-least // 2)


def test_a_process_that_is_stopped_once_pairs_as_well_as_one_that_is_not() -> None:
    stops = iter([0, 6_000_000, *repeat(0, 3 * ATTEMPTS)])
    now = 0

    def tick() -> int:
        nonlocal now
        now += 100 + next(stops)
        return now

    unix_ns, monotonic_ns = pair_clocks(lambda: tick() + AHEAD_NS, tick)
    assert unix_ns - monotonic_ns == AHEAD_NS
