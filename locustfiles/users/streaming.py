"""The streaming user: completions as server-sent events, timed token by token."""

from __future__ import annotations

from locustfiles.http.answer import Answer
from locustfiles.http.sse import CompletionStream, EventStream
from locustfiles.users.traffic import TrafficUser

__all__ = ["EVENTS", "StreamingChatUser", "receive"]

EVENTS = "text/event-stream"


class StreamingChatUser(TrafficUser):
    """Streams one completion per turn. A stream that breaks off is recorded as an error although its status was 2xx."""

    def turn(self, intended_ns: int | None) -> None:
        """Receive one stream and record it, with the time to the first token."""
        prompts = self.traffic.prompts(stream=True, arrival_ns=self.arrival_ns)
        request = prompts.after(self.traffic.head(prompts.length, EVENTS))
        receive(self, request, CompletionStream(), intended_ns)


def receive(user: TrafficUser, request: bytes, stream: EventStream, intended_ns: int | None) -> Answer:
    """Send a request for a stream, record the answer with the time to the first token, and return it.

    `intended_ns`: see `TrafficUser.turn`. Raises StopUser when the run is over.
    """
    traffic = user.traffic
    answer = user.send(request, stream.feed)
    if 200 <= answer.status < 300:
        answer.error = stream.verdict(answer.error)
        traffic.tally.token_gaps.add(stream.gaps_ns)
    traffic.record(answer, user.name, intended_ns, stream.usage, stream.first_token_ns)
    return answer
