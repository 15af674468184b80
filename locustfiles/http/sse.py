"""Reads a streamed chat completion: its events, when its tokens arrived, and whether the stream is complete."""

from __future__ import annotations

import orjson

from locustfiles.http.reading import Usage, token_count

__all__ = ["CompletionStream"]

_DONE = b"[DONE]"
LARGEST_LINE = 1024 * 1024


class CompletionStream:
    """One stream of server-sent events [WHATWG-SSE], fed piece by piece. Times are monotonic ns.

    `first_token_ns` None: no token has arrived. `usage`: from the chunk that carries it, if the service sends one.
    `gaps_ns`: the times between successive tokens.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.first_token_ns: int | None = None
        self.gaps_ns: list[int] = []
        self.usage = Usage(None, None)
        self.done = False
        self.error: str | None = None
        self._last_ns = 0

    def feed(self, data: bytes, now_ns: int) -> None:
        """Take the next piece, which may end in the middle of a line. `now_ns`: when it arrived."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line[5:].strip(), now_ns)
        if len(self._rest) > LARGEST_LINE:
            self._rest, self.error = b"", "BadStream"

    def verdict(self, error: str | None) -> str | None:
        """Return the error class of the whole answer, or None if it is complete.

        `error`: the transport's error class or None. An error in the stream comes first, then the transport's, then
        `BrokenStream` if the stream stopped before [DONE].
        """
        if error is not None or self.error is not None:
            return error if self.error is None else self.error
        return None if self.done else "BrokenStream"

    def _event(self, data: bytes, now_ns: int) -> None:
        if data == _DONE:
            self.done = True
            return
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.error = "BadStream"
            return
        if not isinstance(event, dict) or "error" in event:
            self.error = "StreamError"
            return
        usage = event.get("usage")
        if isinstance(usage, dict):
            self.usage = Usage(token_count(usage.get("prompt_tokens")), token_count(usage.get("completion_tokens")))
        if _has_token(event):
            self._token(now_ns)

    def _token(self, now_ns: int) -> None:
        if self.first_token_ns is None:
            self.first_token_ns = now_ns
        else:
            self.gaps_ns.append(now_ns - self._last_ns)
        self._last_ns = now_ns


def _has_token(event: dict[str, object]) -> bool:
    choices = event.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return False
    delta = choices[0].get("delta")
    return isinstance(delta, dict) and bool(delta.get("content"))
