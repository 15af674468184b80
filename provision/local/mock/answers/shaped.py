"""The parts of a chat completion that depend on the request's form: message, delta and log probabilities."""

from __future__ import annotations

import orjson

from provision.local.arm.call import Json
from provision.local.mock.answers.job import Job
from provision.local.mock.tokens import token_text

__all__ = ["delta_of", "first_delta", "logprobs_of", "message_of"]


LIKELY, UNLIKELY = -0.1, -3.0
"""Log probabilities of the token that was chosen, and of the first alternative to it."""


def message_of(job: Job) -> Json:
    """Return the message of a whole completion."""
    form = job.parameters.form
    message: Json = {"annotations": [], "content": job.text, "refusal": None, "role": "assistant"}
    if form is None or form.call is None:
        return message
    call = {"name": form.call, "arguments": job.text}
    if form.legacy:
        return {**message, "content": None, "function_call": call}
    return {**message, "content": None, "tool_calls": [{"id": job.call_id, "type": "function", "function": call}]}


def first_delta(job: Job) -> bytes:
    """Return the first delta of a streamed choice, which has the role and the name of a call."""
    form = job.parameters.form
    if form is None or form.call is None:
        return b'{"content":"","refusal":null,"role":"assistant"}'
    call = {"name": form.call, "arguments": ""}
    delta: Json = {"content": None, "refusal": None, "role": "assistant"}
    if form.legacy:
        return orjson.dumps({**delta, "function_call": call})
    listed = [{"index": 0, "id": job.call_id, "type": "function", "function": call}]
    return orjson.dumps({**delta, "tool_calls": listed})


def delta_of(job: Job, number: int) -> bytes:
    """Return the delta of one token."""
    form, text = job.parameters.form, job.token(number)
    if form is None or form.call is None:
        return b'{"content":%b}' % orjson.dumps(text)
    if form.legacy:
        return orjson.dumps({"function_call": {"arguments": text}})
    return orjson.dumps({"tool_calls": [{"index": 0, "function": {"arguments": text}}]})


def logprobs_of(job: Job, first: int, count: int) -> Json | None:
    """Return the log probabilities of `count` tokens from `first` on; None if the request does not ask for them."""
    top = job.parameters.logprobs
    if top is None:
        return None
    content = [{**_entry(job.token(i), LIKELY), "top_logprobs": _top(job, i, top)} for i in range(first, first + count)]
    return {"content": content, "refusal": None}


def _top(job: Job, number: int, top: int) -> list[Json]:
    """Return the most likely tokens at one place: the chosen one, then others that differ from it."""
    others = [text for text in dict.fromkeys(token_text(i) for i in range(1, 30)) if text != job.token(number)]
    likely = [(job.token(number), LIKELY), *((text, UNLIKELY - place) for place, text in enumerate(others))]
    return [_entry(text, value) for text, value in likely[:top]]


def _entry(text: str, value: float) -> Json:
    return {"token": text, "logprob": value, "bytes": list(text.encode())}
