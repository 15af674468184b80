"""Reads token usage from requests and responses without delaying a stream."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from provision.local.apim.context import PolicyContext, Request, Response
from provision.local.apim.policies.steps import Run

__all__ = ["CHARACTERS_PER_TOKEN", "Usage", "estimate_prompt", "watch_usage"]

CHARACTERS_PER_TOKEN = 4
"""Characters per token: an estimate that fits English prose, because the service's tokenizer is not available."""
TOKENS_PER_IMAGE = 1200
"""The most tokens that an image counts in an estimate [PR-llm-token-limit]."""
TAIL_BYTES = 64 * 1024
"""How much of the end of a stream is kept, in bytes, because usage is at the end of an answer."""

_COUNT = re.compile(rb'"(prompt|completion|total|input|output)_tokens"\s*:\s*(\d{1,12})')
_NAMES = {b"input": b"prompt", b"output": b"completion"}


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call. `estimated` if the answer did not state them."""

    prompt: int
    completion: int
    total: int
    estimated: bool = False


def estimate_prompt(body: bytes | None) -> int:
    """Return the tokens of a request's messages, prompt or input, estimated from their length, or 0 if it has none."""
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return 0
    if not isinstance(document, dict):
        return 0
    parts = [document.get(name) for name in ("messages", "prompt", "input", "instructions", "system")]
    return sum(_tokens(part) for part in parts if part is not None)


def _tokens(part: object, depth: int = 0) -> int:
    if isinstance(part, str):
        return -(-len(part) // CHARACTERS_PER_TOKEN)
    if depth > 20 or not isinstance(part, (list, dict)):
        return 0
    if isinstance(part, dict) and part.get("type") in ("image_url", "input_image"):
        return TOKENS_PER_IMAGE
    return sum(_tokens(inner, depth + 1) for inner in (part.values() if isinstance(part, dict) else part))


class _Meter:
    """Reads an answer as it passes, and returns its usage at the end."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._tail = b""
        self._frames = 0

    def feed(self, chunk: bytes) -> None:
        self._tail = (self._tail + chunk)[-TAIL_BYTES:]
        self._frames += chunk.count(b'"delta"')

    def usage(self) -> Usage:
        found: dict[bytes, int] = {}
        for name, count in _COUNT.findall(self._tail):
            found[_NAMES.get(name, name)] = int(count)
        if found:
            prompt, completion = found.get(b"prompt", 0), found.get(b"completion", 0)
            return Usage(prompt, completion, found.get(b"total", prompt + completion))
        prompt = estimate_prompt(self._request.body.data)
        return Usage(prompt, self._frames, prompt + self._frames, estimated=True)


def watch_usage(run: Run, done: Callable[[Usage], None]) -> None:
    """Call `done` with the tokens that the backend's answer used, as soon as the answer is complete.

    It is not called for an answer other than 2xx, which uses no tokens. If a stream does not state its usage, prompt
    and completion are estimated [PR-llm-token-limit]; for that, the request's body must be complete.
    """

    def attach() -> None:
        response = run.context.response
        if response is not None and 200 <= response.status_code < 300:
            _attach(run.context, response, _Meter(run.context.request), done)

    run.answered(attach)


def _attach(context: PolicyContext, response: Response, meter: _Meter, done: Callable[[Usage], None]) -> None:
    body = response.body
    if body.data is None and body.stream is not None:
        watched = _Watched(body.stream, meter, done)
        if context.open_body is body.stream:
            context.open_body = watched
        body.stream = watched
    else:
        meter.feed(body.data or b"")
        done(meter.usage())


class _Watched:
    """A stream that is passed on as it arrives. Its usage is reported when it ends or is closed."""

    def __init__(self, stream: AsyncIterator[bytes], meter: _Meter, done: Callable[[Usage], None]) -> None:
        self._stream, self._meter = stream, meter
        self._done: Callable[[Usage], None] | None = done

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._stream)
        except BaseException:
            self._tell()
            raise
        self._meter.feed(chunk)
        return chunk

    async def aclose(self) -> None:
        self._tell()
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()

    def _tell(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(self._meter.usage())
