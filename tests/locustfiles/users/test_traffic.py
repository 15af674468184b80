"""A user that Locust stops while it waits gets no arrival any more."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any, cast

import gevent
from gevent import get_hub

import tests.locustfiles.unpatched  # noqa: F401  # before any test imports Locust
from locustfiles.pacing.lane import Lane
from locustfiles.users.traffic import TrafficUser


class Stopped:
    """Two users that wait for a lane, and what they took after Locust stopped the first one.

    `before` is called right before the stop, and `meanwhile` before the kill takes effect.
    """

    def __init__(
        self, before: Callable[[Lane], None] = lambda lane: None, meanwhile: Callable[[Lane], None] = lambda lane: None
    ) -> None:
        self.lane = lane = Lane(iter(()), patience_s=5)
        self.took: dict[str, Any] = {}
        user, users = (
            cast(Any, object.__new__(TrafficUser)),
            [gevent.spawn(self._take, name) for name in ("one", "two")],
        )
        user.lane, user._state, user._greenlet, user._group = lane, "waiting", users[0], self
        gevent.sleep(0)
        self._meanwhile = meanwhile
        before(lane)
        user.stop()
        gevent.sleep(0)
        gevent.killall(users)
        lane.close()

    def _take(self, name: str) -> None:
        self.took[name] = self.lane.take()

    def killone(self, greenlet: gevent.Greenlet) -> None:
        self._meanwhile(self.lane)
        gevent.sleep(0)
        greenlet.kill()


def test_an_arrival_between_the_stop_of_a_user_and_its_end_goes_to_another_user() -> None:
    due = monotonic_ns()

    def arrive(lane: Lane) -> None:
        lane.append(iter([due]))
        get_hub().loop.run_callback(lane._hand_out)

    assert Stopped(meanwhile=arrive).took == {"two": due}


def test_a_user_that_is_stopped_as_a_closed_loop_begins_begins_no_turn() -> None:
    until_ns = monotonic_ns() + 10**9
    assert Stopped(before=lambda lane: lane.begin_closed_loop(until_ns)).took == {"two": None}
