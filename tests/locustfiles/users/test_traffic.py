"""A user that Locust stops while it waits gets no arrival any more."""

from __future__ import annotations

from argparse import Namespace
from time import monotonic_ns
from typing import Any, cast

import gevent
from gevent import get_hub

import tests.locustfiles.unpatched  # noqa: F401  # before any test imports Locust
from locustfiles.pacing.lane import Lane
from locustfiles.users.traffic import TrafficUser


def test_an_arrival_between_the_stop_of_a_user_and_its_end_goes_to_another_user() -> None:
    lane, first, second = Lane(iter(()), patience_s=5), list[Any](), list[Any]()
    due = monotonic_ns()
    user = cast(Any, object.__new__(TrafficUser))
    user.lane, user._state, user._greenlet = lane, "waiting", gevent.spawn(lambda: first.append(lane.take()))
    other = gevent.spawn(lambda: second.append(lane.take()))
    gevent.sleep(0)

    def kill(greenlet: gevent.Greenlet) -> None:
        lane.append(iter([due]))
        get_hub().loop.run_callback(lane._hand_out)
        gevent.sleep(0)
        greenlet.kill()

    user._group = Namespace(killone=kill)
    user.stop()
    gevent.sleep(0)
    assert (first, second) == ([], [due])
    assert other.ready()
    lane.close()
