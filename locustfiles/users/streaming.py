"""The streaming user: completions as server-sent events, timed token by token."""

from __future__ import annotations

from locustfiles.http.answer import Answer
from locustfiles.http.sse import CompletionStream
from locustfiles.users.traffic import TrafficUser

__all__ = ["StreamingChatUser"]


class StreamingChatUser(TrafficUser):
    """Streams one completion per turn. A stream that breaks off is recorded as an error although its status was 2xx."""

    def turn(self, intended_ns: int | None) -> None:
        """Receive one stream and record it, with the time to the first token."""
        traffic, stream = self.traffic, CompletionStream()
        prompts = traffic.prompts(stream=True)
        request = prompts.after(traffic.head(prompts.length, "text/event-stream"))
        answer = self.send(request, stream.feed)
        if 200 <= answer.status < 300:
            answer.error = stream.verdict(answer.error)
            traffic.tally.token_gaps.add(stream.gaps_ns)
        self._record(answer, stream, intended_ns)

    def _record(self, answer: Answer, stream: CompletionStream, intended_ns: int | None) -> None:
        self.traffic.record(answer, self.name, intended_ns, stream.usage, stream.first_token_ns)
