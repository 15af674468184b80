"""The base class of all users: it waits for its turn, sends and records. Subclasses override `turn`."""

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
    """A user whose turns the scenario starts: one at each arrival, or in a closed-loop phase one after another."""

    abstract = True
    client: Client
    lane: Lane
    traffic: Traffic
    arrival_ns: int | None = None
    """When the arrival of the present turn was due, monotonic ns; None: closed loop."""

    @classmethod
    def prepare(cls) -> None:
        """Called once per class before a run starts. Override it for slow imports and set-up."""

    def on_start(self) -> None:
        """Join the run. Locust also starts users when the run could not begin; these end at once."""
        if not hasattr(self.environment, "traffic"):
            raise GreenletExit
        self.traffic = self.environment.traffic
        self.lane = self.traffic.lane
        self.client = self.traffic.client()
        self.name = type(self).__name__

    def on_stop(self) -> None:
        """Close the connection."""
        if hasattr(self, "client"):
            self.client.close()

    def stop(self, force: bool = False) -> bool:
        """Stop this user, as Locust asks for. Returns whether it was killed at once.

        The kill happens a little later. An arrival that came to the user until then would be sent and leave no row.
        """
        if self._state == LOCUST_STATE_WAITING:
            self.lane.leave(self.greenlet)
        return bool(super().stop(force))

    @task
    def take_turns(self) -> None:
        """Take turns until the user is stopped. After an exception Locust's task loop calls this again."""
        while self._state in (LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING):
            self._state = LOCUST_STATE_WAITING
            intended_ns = self.arrival_ns = self.lane.take()
            self._state = LOCUST_STATE_RUNNING
            self.turn(intended_ns)

    def turn(self, intended_ns: int | None) -> None:
        """Take one turn: by default, send one chat completion.

        `intended_ns`: when the arrival was due, monotonic ns; pass it to `chat`, which records it. None: closed loop.
        """
        self.chat(intended_ns)

    def chat(self, intended_ns: int | None = None, body: Mapping[str, object] | None = None) -> Answer:
        """Send a chat completion, record it, and return the answer.

        `body` None: send the scenario's next prompt; on the v1 API, a body without `model` gets the deployment.
        `intended_ns` None: closed loop, or a retry. A failed request raises nothing: check the answer's `status` and
        `error`. Raises StopUser when the run is over.
        """
        answer = self.send(self._request(body))
        self.traffic.record(answer, self.name, intended_ns)
        return answer

    def send(self, request: bytes, sink: Sink | None = None) -> Answer:
        """Send a prebuilt request and return the answer without recording it: the caller records it.

        `sink` gets a 2xx body piece by piece; None: the body is kept in the answer. Raises StopUser when the run is
        over, because later requests could not be recorded.
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
        prompts = self.traffic.prompts(arrival_ns=self.arrival_ns)
        return prompts.after(self.traffic.head(prompts.length))

    def _own(self, body: Mapping[str, object]) -> bytes:
        target = self.traffic.plan.target
        data = orjson.dumps({"model": target.deployment, **body} if target.is_v1 else body)
        return self.traffic.head(len(data)) + data
