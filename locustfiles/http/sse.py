"""Reads streamed answers: their events, when their tokens arrived, and whether the stream is complete."""

from __future__ import annotations

from abc import ABC, abstractmethod

import orjson

from locustfiles.http.reading import NO_USAGE, usage_of

__all__ = ["CompletionStream", "EventStream", "ResponseStream"]

_DONE = b"[DONE]"
_DELTAS = frozenset({"response.output_text.delta", "response.function_call_arguments.delta"})
LARGEST_LINE = 1024 * 1024


class EventStream(ABC):
    """One stream of server-sent events [WHATWG-SSE], fed piece by piece. Times are monotonic ns.

    `first_token_ns` None: no token has arrived. `usage`: from the event that carries it, if the service sends one.
    `gaps_ns`: the times between successive tokens.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.first_token_ns: int | None = None
        self.gaps_ns: list[int] = []
        self.usage = NO_USAGE
        self.done = False
        self.error: str | None = None
        self._last_ns = 0

    def feed(self, data: bytes, now_ns: int) -> None:
        """Take the next piece, which may end in the middle of a line. `now_ns`: when it arrived."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._data(line[5:].strip(), now_ns)
        if len(self._rest) > LARGEST_LINE:
            self._rest, self.error = b"", "BadStream"

    def verdict(self, error: str | None) -> str | None:
        """Return the error class of the whole answer, or None if it is complete.

        `error`: the transport's error class or None. An error in the stream comes first, then the transport's, then
        `BrokenStream` if the stream stopped before its last event.
        """
        if error is not None or self.error is not None:
            return error if self.error is None else self.error
        return None if self.done else "BrokenStream"

    def _data(self, data: bytes, now_ns: int) -> None:
        if data == _DONE:
            self.done = True
            return
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.error = "BadStream"
            return
        if not isinstance(event, dict) or event.get("error") is not None or event.get("type") == "error":
            self.error = "StreamError"
        else:
            self._event(event, now_ns)

    @abstractmethod
    def _event(self, event: dict[str, object], now_ns: int) -> None:
        """Take one event that is not an error."""

    def _token(self, now_ns: int) -> None:
        if self.first_token_ns is None:
            self.first_token_ns = now_ns
        else:
            self.gaps_ns.append(now_ns - self._last_ns)
        self._last_ns = now_ns


class CompletionStream(EventStream):
    """A streamed chat completion, which ends with [DONE]."""

    def _event(self, event: dict[str, object], now_ns: int) -> None:
        usage = event.get("usage")
        if isinstance(usage, dict):
            self.usage = usage_of(usage)
        if _has_token(event):
            self._token(now_ns)


class ResponseStream(EventStream):
    """A streamed response of the Responses API, which ends with `response.completed` or `response.incomplete`.

    `ident` is the response's id, or None if it has not arrived.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ident: str | None = None

    def _event(self, event: dict[str, object], now_ns: int) -> None:
        kind = event.get("type")
        if kind in _DELTAS:
            self._token(now_ns)
        response = event.get("response")
        if not isinstance(response, dict):
            return
        ident, usage = response.get("id"), response.get("usage")
        if isinstance(ident, str):
            self.ident = ident
        if isinstance(usage, dict):
            self.usage = usage_of(usage)
        if kind == "response.failed":
            self.error = "StreamError"
        elif kind in ("response.completed", "response.incomplete"):
            self.done = True


def _has_token(event: dict[str, object]) -> bool:
    choices = event.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return False
    delta = choices[0].get("delta")
    return isinstance(delta, dict) and bool(delta.get("content"))
