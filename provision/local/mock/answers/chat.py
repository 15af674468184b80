"""Chat completions: the whole body and its stream [CAPTURES]."""

from __future__ import annotations

from functools import lru_cache

import orjson

from provision.local.arm.call import Json
from provision.local.mock.answers.job import FINGERPRINT, Job, Stream
from provision.local.mock.answers.shaped import delta_of, first_delta, logprobs_of, message_of
from provision.local.mock.tokens import text_of

__all__ = ["chat_stream", "chat_whole"]


_SAFE = {"filtered": False, "severity": "safe"}
_UNDETECTED = {"filtered": False, "detected": False}
FILTERS = {"hate": _SAFE, "self_harm": _SAFE, "sexual": _SAFE, "violence": _SAFE}
COMPLETION_FILTERS = {
    "hate": _SAFE,
    "protected_material_code": _UNDETECTED,
    "protected_material_text": _UNDETECTED,
    "self_harm": _SAFE,
    "sexual": _SAFE,
    "violence": _SAFE,
}
PROMPT_FILTERS = [{"prompt_index": 0, "content_filter_results": {**FILTERS, "jailbreak": _UNDETECTED}}]
COMPLETION_DETAILS = {
    "accepted_prediction_tokens": 0,
    "audio_tokens": 0,
    "reasoning_tokens": 0,
    "rejected_prediction_tokens": 0,
}
LARGEST_CACHED = 4096
"""Bodies of up to this many completion tokens, over all choices, are kept for later requests."""


def chat_whole(job: Job) -> bytes:
    """Return the JSON body."""
    tokens, choices = job.completion_tokens, job.parameters.choices
    if job.parameters.form is not None or job.parameters.logprobs is not None:
        start, middle, end = _around(job.model, tokens * choices, [_shaped_choice(job, i) for i in range(choices)])
    else:
        build = _cached_parts if tokens * choices <= LARGEST_CACHED else _parts
        start, middle, end = build(job.model, tokens, choices, job.finish_reason)
    prompt = job.parameters.prompt_tokens
    return (
        b'%b%d,"id":"chatcmpl-%b",%b%d,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":0},"total_tokens":%d%b'
    ) % (start, job.created, job.ident[:29].encode(), middle, prompt, prompt + tokens * choices, end)


def _parts(model: str, tokens: int, choices: int, finish: str) -> tuple[bytes, bytes, bytes]:
    """Return the three parts of the body of a plain text around the values that differ from request to request."""
    message: Json = {"annotations": [], "content": text_of(tokens), "refusal": None, "role": "assistant"}
    return _around(model, tokens * choices, [_choice(index, message, finish, None) for index in range(choices)])


_cached_parts = lru_cache(maxsize=256)(_parts)


def _around(model: str, tokens: int, choices: list[Json]) -> tuple[bytes, bytes, bytes]:
    """Return the three parts of the body; `tokens` are those of all choices."""
    start = b'{"choices":' + orjson.dumps(choices) + b',"created":'
    middle = {
        "model": model,
        "object": "chat.completion",
        "prompt_filter_results": PROMPT_FILTERS,
        "system_fingerprint": FINGERPRINT,
    }
    usage = b'"usage":' + orjson.dumps({"completion_tokens": tokens, "completion_tokens_details": COMPLETION_DETAILS})
    return start, orjson.dumps(middle)[1:-1] + b"," + usage[:-1] + b',"prompt_tokens":', b"}}"


def _shaped_choice(job: Job, index: int) -> Json:
    return _choice(index, message_of(job), job.finish_reason, logprobs_of(job, 0, job.completion_tokens))


def _choice(index: int, message: Json, finish: str, logprobs: Json | None) -> Json:
    return {
        "content_filter_results": COMPLETION_FILTERS,
        "finish_reason": finish,
        "index": index,
        "logprobs": logprobs,
        "message": message,
    }


def usage_of(job: Job) -> dict[str, object]:
    """Return the usage object."""
    completion, prompt = job.completion_tokens * job.parameters.choices, job.parameters.prompt_tokens
    return {
        "completion_tokens": completion,
        "completion_tokens_details": COMPLETION_DETAILS,
        "prompt_tokens": prompt,
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
        "total_tokens": prompt + completion,
    }


def frame(payload: bytes) -> bytes:
    """Return a payload as one server-sent event."""
    return b"data: " + payload + b"\n\n"


def chat_stream(job: Job) -> Stream:
    """Return the stream. With several choices, each token of one is followed by that of the next."""
    choices = job.parameters.choices
    envelope = _envelope(job)
    filters = orjson.dumps(FILTERS)
    filter_frame: dict[str, object] = {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": PROMPT_FILTERS,
    }
    if job.parameters.include_usage:
        filter_frame["usage"] = None
    first = first_delta(job)
    roles = [_delta(first, i, b"{}", None, envelope) for i in range(choices)]
    ends = [_delta(b"{}", i, b"{}", job.finish_reason, envelope) for i in range(choices)]

    def piece(number: int) -> bytes:
        token, index = divmod(number, choices)
        logprobs = logprobs_of(job, token, 1)
        return _delta(delta_of(job, token), index, filters, None, envelope, logprobs)

    tail = b"".join(ends) + (_usage_frame(job) if job.parameters.include_usage else b"") + b"data: [DONE]\n\n"
    head = frame(orjson.dumps(filter_frame)) + b"".join(roles)
    return Stream(head, job.completion_tokens * choices, piece, tail)


def _envelope(job: Job) -> bytes:
    """Return the end that all frames share."""
    shared: dict[str, object] = {
        "created": job.created,
        "id": f"chatcmpl-{job.ident[:29]}",
        "model": job.model,
        "object": "chat.completion.chunk",
        "system_fingerprint": FINGERPRINT,
    }
    if job.parameters.include_usage:
        shared["usage"] = None
    return b"]," + orjson.dumps(shared)[1:] + b"\n\n"


def _delta(
    delta: bytes, index: int, filters: bytes, finish: str | None, envelope: bytes, logprobs: Json | None = None
) -> bytes:
    reason = b"null" if finish is None else b'"%b"' % finish.encode()
    return (
        b'data: {"choices":[{"content_filter_results":%b,"delta":%b,"finish_reason":%b,"index":%d,"logprobs":%b}%b'
        % (filters, delta, reason, index, b"null" if logprobs is None else orjson.dumps(logprobs), envelope)
    )


def _usage_frame(job: Job) -> bytes:
    last = {
        "choices": [],
        "created": job.created,
        "id": f"chatcmpl-{job.ident[:29]}",
        "model": job.model,
        "object": "chat.completion.chunk",
        "system_fingerprint": FINGERPRINT,
        "usage": usage_of(job),
    }
    return frame(orjson.dumps(last))
