"""The pool: whose turn it is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.breaker.pool import Member, Pool
from tripcurve.lab.local_options import LocalOptions

WEIGHTINGS = ("smooth", "random", "block")


def everyone(_: str) -> bool:
    return True


def pool(*members: tuple[str, int | None, int | None], **options: Any) -> Pool:
    return Pool([Member(*member) for member in members], LocalOptions(**options))


def turns(p: Pool, count: int, tripped: str = "") -> str:
    return "".join(p.choose(lambda name: name not in tripped) or "-" for _ in range(count))


def test_two_equals_alternate_from_the_first() -> None:
    assert turns(pool(("a", 1, 1), ("b", 1, 1)), 6) == "ababab"


def test_weights_are_spread_evenly_when_smooth() -> None:
    assert turns(pool(("a", 1, 5), ("b", 1, 1), ("c", 1, 1)), 7) == "aabacaa"


def test_weights_come_in_a_row_when_in_blocks() -> None:
    assert turns(pool(("a", 1, 3), ("b", 1, 1), pool_weighting="block"), 8) == "aaabaaab"


def test_a_block_ends_early_when_its_member_trips() -> None:
    p = pool(("a", 1, 3), ("b", 1, 2), pool_weighting="block")
    assert turns(p, 1) + turns(p, 3, tripped="a") + turns(p, 3) == "abbbbaa"


def test_random_turns_repeat_with_the_seed() -> None:
    members = (("a", 1, 3), ("b", 1, 1))
    first, again, other = (pool(*members, pool_weighting="random", seed=seed) for seed in (1, 1, 2))
    drawn = turns(first, 400)
    assert drawn == turns(again, 400)
    assert drawn != turns(other, 400)
    assert 260 < drawn.count("a") < 340


def test_a_unit_draws_its_own_turns() -> None:
    options = LocalOptions(pool_weighting="random")
    members = [Member("a"), Member("b")]
    assert turns(Pool(members, options, seed=1), 64) != turns(Pool(members, options, seed=2), 64)


def test_a_tripped_member_is_skipped() -> None:
    assert turns(pool(("a", 1, 1), ("b", 1, 1), ("c", 1, 1)), 4, tripped="b") == "acac"


def test_a_lower_group_is_used_only_when_every_higher_member_is_tripped() -> None:
    p = pool(("a", 1, 1), ("b", 1, 1), ("c", 2, 1))
    assert turns(p, 2) + turns(p, 2, tripped="a") + turns(p, 2, tripped="ab") + turns(p, 2, tripped="b") == "abbbccaa"


def test_no_member_is_chosen_when_all_are_tripped() -> None:
    assert pool(("a", 1, 1), ("b", 2, 1)).choose([]) is None


def test_members_may_be_given_as_a_collection() -> None:
    assert pool(("a", 1, 1), ("b", 1, 1)).choose({"b"}) == "b"


def test_the_order_of_members_does_not_matter_to_priority() -> None:
    assert turns(pool(("a", 7, 1), ("b", 0, 1)), 2) == "bb"


@pytest.mark.parametrize(("option", "expected"), [("never", "aaaa"), ("one", "abab")])
def test_weight_zero_means_what_the_option_says(option: str, expected: str) -> None:
    assert turns(pool(("a", 1, 1), ("b", 1, 0), weight_zero=option), 4) == expected


def test_a_group_of_zero_weights_is_ignored() -> None:
    assert turns(pool(("a", 1, 0), ("b", 2, 1)), 2) == "bb"


def test_a_pool_of_zero_weights_chooses_no_member() -> None:
    assert pool(("a", 1, 0)).choose(everyone) is None


def test_no_weight_counts_as_one() -> None:
    assert turns(pool(("a", 1, None), ("b", 1, 1)), 4) == "abab"


@pytest.mark.parametrize(("option", "expected"), [("first", "abab"), ("last", "aaaa")])
def test_no_priority_means_what_the_option_says(option: str, expected: str) -> None:
    assert turns(pool(("a", 2, 1), ("b", None, 1), ("c", 3, 1), priority_null=option), 4) == expected


def test_no_priority_last_comes_after_all_that_have_one() -> None:
    assert turns(pool(("a", None, 1), ("b", 100, 1), priority_null="last"), 2, tripped="b") == "aa"


members = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.one_of(st.none(), st.integers(0, 6))), min_size=1, max_size=6
).map(lambda rows: [Member(f"m{index}", *row) for index, row in enumerate(rows)])
seats = st.lists(st.sets(st.sampled_from([f"m{index}" for index in range(6)])), max_size=40)


@given(members, st.sampled_from(WEIGHTINGS), seats)
def test_it_never_chooses_a_tripped_member_and_always_one_when_there_is_one(
    given_members: list[Member], weighting: Any, moments: list[set[str]]
) -> None:
    p = Pool(given_members, LocalOptions(pool_weighting=weighting))
    able = {member.name for member in given_members if member.weight != 0}
    for able_now in moments:
        chosen = p.choose(able_now)
        if able & able_now:
            assert chosen in able & able_now
        else:
            assert chosen is None


@given(st.lists(st.integers(1, 8), min_size=1, max_size=6), st.sampled_from(["smooth", "block"]), st.integers(1, 4))
def test_shares_are_exact_over_every_full_round(weights: list[int], weighting: Any, rounds: int) -> None:
    p = Pool([Member(str(i), 1, w) for i, w in enumerate(weights)], LocalOptions(pool_weighting=weighting))
    chosen = Counter(p.choose(everyone) for _ in range(rounds * sum(weights)))
    assert chosen == {str(i): rounds * w for i, w in enumerate(weights)}


@given(st.lists(st.integers(1, 8), min_size=2, max_size=6), seats)
def test_smooth_shares_recover_after_any_trips(weights: list[int], moments: list[set[str]]) -> None:
    p = Pool([Member(f"m{i}", 1, w) for i, w in enumerate(weights)], LocalOptions())
    for able in moments:
        p.choose(able)
    total = sum(weights)
    chosen = Counter(p.choose(everyone) for _ in range(10 * total))
    for i, w in enumerate(weights):
        assert abs(chosen[f"m{i}"] - 10 * w) <= total, "a trip left a lasting debt"
