"""Users of the Responses API: conversations whose state is kept by the service."""

from __future__ import annotations

import orjson

from locustfiles.http.answer import Answer
from locustfiles.http.heads import JSON
from locustfiles.http.sse import ResponseStream
from locustfiles.users.streaming import EVENTS, receive
from locustfiles.users.traffic import TrafficUser

__all__ = ["ResponsesUser", "StreamingResponsesUser"]

FEWEST_TOKENS = 16
"""The least `max_output_tokens` that the Responses API accepts [D-RESP]."""


class ResponsesUser(TrafficUser):
    """Sends one response per turn. Each conversation has `exchanges` of them; later ones continue the one before.

    They continue it by `previous_response_id`, which only the account that stored the response knows. During a
    conversation the user sends back the gateway's cookie, so a pool with session affinity always picks that account.
    After a failed answer the user begins a new conversation.
    """

    exchanges = 2
    _previous: str | None
    _cookie: bytes | None

    def on_start(self) -> None:
        super().on_start()
        self._begin()

    def turn(self, intended_ns: int | None) -> None:
        """Send one response and record it."""
        answer = self.send(self.request())
        self.traffic.record(answer, self.name, intended_ns)
        self.remember(answer, _ident(answer))

    def request(self, stream: bool = False) -> bytes:
        """Return the conversation's next request."""
        traffic, target = self.traffic, self.traffic.plan.target
        prompts = traffic.prompts(arrival_ns=self.arrival_ns)
        body: dict[str, object] = {
            "model": target.deployment,
            "input": prompts.text(),
            "max_output_tokens": max(prompts.completion, FEWEST_TOKENS),
        }
        if self._previous is not None:
            body["previous_response_id"] = self._previous
        if stream:
            body["stream"] = True
        data = orjson.dumps(body)
        head = traffic.head(len(data), EVENTS if stream else JSON, target.responses_path)
        if self._cookie is not None:
            head = b"%bCookie: %b\r\n\r\n" % (head[:-2], self._cookie)
        return head + data

    def remember(self, answer: Answer, ident: str | None) -> None:
        """Continue the conversation after the response with this id; None: it failed, so a new one begins."""
        self._ended += 1
        if ident is None or self._ended >= self.exchanges:
            self._begin()
            return
        self._previous = ident
        cookie = answer.headers.get(b"set-cookie")
        if cookie is not None:
            self._cookie = cookie.partition(b";")[0]

    def _begin(self) -> None:
        self._ended = 0
        self._previous = None
        self._cookie = None


class StreamingResponsesUser(ResponsesUser):
    """Has the same conversations, streamed. A stream that breaks off is recorded as an error."""

    def turn(self, intended_ns: int | None) -> None:
        """Receive one stream and record it, with the time to the first token."""
        stream = ResponseStream()
        answer = receive(self, self.request(stream=True), stream, intended_ns)
        self.remember(answer, None if answer.error is not None else stream.ident)


def _ident(answer: Answer) -> str | None:
    """Return the id of a complete 2xx response, or None."""
    if answer.error is not None or not 200 <= answer.status < 300:
        return None
    body = orjson.loads(answer.body)  # `record` has read it: without an error it is a JSON object
    ident = body.get("id")
    return ident if isinstance(ident, str) else None
