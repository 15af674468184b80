"""The base of all users: waits for its turn, sends, records. A user's own class overrides `turn`."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from gevent import GreenletExit
from locust import User, task
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING

from locustfiles.conduct.traffic import Traffic
from locustfiles.http.answer import Answer, Sink
from locustfiles.http.client import Client
from locustfiles.pacing.lane import Lane

__all__ = ["TrafficUser"]


class TrafficUser(User):
    """A user whose turns come from the scenario: at each arrival, or one after another in closed loop."""

    abstract = True
    client: Client
    lane: Lane
    traffic: Traffic

    @classmethod
    def prepare(cls) -> None:
        """Called before a run starts, once per class that takes part: for slow imports and the like."""

    def on_start(self) -> None:
        """Take part in the run. If it could not begin, Locust starts its users all the same, and they leave again."""
        if not hasattr(self.environment, "traffic"):
            raise GreenletExit
        self.traffic = self.environment.traffic
        self.lane = self.traffic.lane
        self.client = self.traffic.client()
        self.name = type(self).__name__

    def on_stop(self) -> None:
        if hasattr(self, "client"):
            self.client.close()

    @task
    def take_turns(self) -> None:
        """Turn after turn until the user is stopped. Locust's own task loop starts it again after an error."""
        while self._state in (LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING):
            self._state = LOCUST_STATE_WAITING
            intended_ns = self.lane.take()
            self._state = LOCUST_STATE_RUNNING
            self.turn(intended_ns)

    def turn(self, intended_ns: int | None) -> None:
        """One turn: by default one chat completion. `intended_ns` is for `chat`, which records it."""
        self.chat(intended_ns)

    def chat(self, intended_ns: int | None = None, body: Mapping[str, object] | None = None) -> Answer:
        """Send a chat completion and record it. With `body`, that one; else the scenario's next prompt.

        The answer may be anything that came, or did not: look at its `status` and `error`.
        """
        answer = self.send(self._request(body))
        self.traffic.record(answer, self.name, intended_ns)
        return answer

    def send(self, request: bytes, sink: Sink | None = None) -> Answer:
        """The answer to a prebuilt request, not yet recorded: whoever sends records.

        Raises StopUser once the run is over, so that nothing is sent that nobody would record.
        """
        traffic = self.traffic
        if traffic.closed:
            raise StopUser
        traffic.in_flight += 1
        try:
            return self.client.exchange(request, sink)
        finally:
            traffic.in_flight -= 1

    def _request(self, body: Mapping[str, object] | None) -> bytes:
        if body is not None:
            return self._own(body)
        prompts = self.traffic.prompts()
        return prompts.after(self.traffic.head(prompts.length))

    def _own(self, body: Mapping[str, object]) -> bytes:
        data = orjson.dumps(body)
        return self.traffic.head(len(data)) + data
