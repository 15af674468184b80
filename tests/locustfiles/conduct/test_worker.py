"""A worker ends its part of a run once, whoever asks for it."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, cast

import gevent
from locust.stats import RequestStats

from locustfiles.conduct.messages import DONE
from locustfiles.conduct.worker import Worker
from locustfiles.live.load import Load
from locustfiles.recording.tally import Tally


class Draining:
    """Traffic whose last answers are under way when its end is asked for."""

    def __init__(self) -> None:
        self.closed, self.finished = False, 0
        self.plan, self.dealt = Namespace(clock=Namespace(offset_ns=0)), list[int]()

    def drain(self, grace_s: float) -> None:
        gevent.sleep(0.001)
        self.closed = True

    def finish(self) -> None:
        self.finished += 1

    def take_calls(self) -> list[Any]:
        return []

    def count(self) -> Tally:
        return Tally()

    def load(self) -> Load:
        return Load()


def test_a_stop_while_the_last_answers_are_awaited_ends_the_traffic_once() -> None:
    """The main process asks for the end, and Locust stops a worker that it holds to be missing."""
    sent: list[str] = []
    options = Namespace(ship_rows=False)
    environment = Namespace(parsed_options=options, stats=RequestStats(), stop_timeout=0)
    runner = Namespace(send_message=lambda kind, data: sent.append(kind))
    worker, traffic = Worker(cast(Any, environment), cast(Any, runner)), Draining()
    cast(Any, worker)._traffic = traffic
    asked = gevent.spawn(worker._on_finish, cast(Any, Namespace(data={"grace_s": 5})))
    gevent.sleep(0)
    worker._on_test_stopping(cast(Any, environment))
    finished_at_return = traffic.finished
    asked.get()
    assert (finished_at_return, traffic.finished, sent) == (1, 1, [DONE])
