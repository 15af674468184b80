"""Users go to the workers that have a share of the phase."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from locust import User
from locust.runners import WorkerNode

from locustfiles.conduct.seating import seating_for, users_by_worker


def user(name: str, count: int = 0) -> type[User]:
    return type(name, (User,), {"weight": 1, "fixed_count": count})


CLASSES = [user("ChatUser"), user("ProbeUser", 1)]
NODES = [WorkerNode(name) for name in ("a_1", "b_2", "c_3")]


def dispatched(dispatcher: Any, count: int) -> dict[str, int]:
    """Number of users by worker after one dispatch."""
    dispatcher.new_dispatch(count, count)
    return {worker: sum(users.values()) for worker, users in next(dispatcher).items()}


def test_a_worker_without_a_share_gets_no_user_until_the_users_are_divided_anew() -> None:
    dispatcher = seating_for(lambda client_id: client_id != "c_3")(NODES[:2], CLASSES)
    assert dispatched(dispatcher, 6) == {"a_1": 3, "b_2": 3}
    dispatcher.add_worker(NODES[2])
    assert dispatched(dispatcher, 6) == {"a_1": 3, "b_2": 3}
    dispatcher.seat(NODES[1:])
    assert dispatched(dispatcher, 6) == {"b_2": 3, "c_3": 3}


def test_the_users_of_each_worker_are_those_that_locust_will_spawn() -> None:
    users = users_by_worker(NODES, CLASSES, 7)
    assert sorted(sum(each.values()) for each in users.values()) == [2, 2, 3]
    assert sum(each["ProbeUser"] for each in users.values()) == 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_number_of_users_is_divided_alike_whatever_the_numbers_before_were(counts: list[int]) -> None:
    dispatcher = seating_for(lambda client_id: True)(list(NODES), CLASSES)
    for count in counts:
        dispatcher.new_dispatch(count, 9)
        assert next(dispatcher) == users_by_worker(NODES, CLASSES, count)
        assert not list(dispatcher), "all users are spawned or stopped at once"


def test_users_go_somewhere_if_every_worker_with_a_share_is_gone() -> None:
    dispatcher = seating_for(lambda client_id: False)(NODES[:2], CLASSES)
    assert dispatched(dispatcher, 6) == {"a_1": 3, "b_2": 3}
