"""The user that closes its connection when an answer is slow, as applications with a deadline of their own do."""

from __future__ import annotations

from gevent import get_hub

from locustfiles.http.answer import Answer, Sink
from locustfiles.users.traffic import TrafficUser
from tripcurve.run.record import CANCELED

__all__ = ["CancelChatUser"]


class CancelChatUser(TrafficUser):
    """Closes the connection if an answer takes longer than the scenario's `cancel_after`, and does not retry.

    The row of such a request has status 0 and the error CANCELED. The next request uses a new connection.
    """

    def send(self, request: bytes, sink: Sink | None = None) -> Answer:
        timer = get_hub().loop.timer(self.traffic.plan.scenario.cancel_after)
        timer.start(self.client.give_up_now, CANCELED, update=True)
        try:
            return super().send(request, sink)
        finally:
            timer.stop()
            timer.close()
