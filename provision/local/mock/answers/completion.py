"""Legacy completions, whole and streamed."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from provision.local.mock.answers.chat import COMPLETION_FILTERS, FILTERS, PROMPT_FILTERS, frame, usage_of
from provision.local.mock.answers.job import Job, Stream
from provision.local.mock.tokens import text_of, token_text

__all__ = ["completion_stream", "completion_whole"]


def completion_whole(job: Job) -> bytes:
    """Return the JSON body."""
    text = text_of(job.completion_tokens)
    choices = [_choice(index, text, job.finish_reason, COMPLETION_FILTERS) for index in range(job.parameters.choices)]
    return orjson.dumps({**_envelope(job, choices), "prompt_filter_results": PROMPT_FILTERS, "usage": usage_of(job)})


def completion_stream(job: Job) -> Stream:
    """Return the stream: a frame for each token, one that ends each choice, and the usage if requested."""
    choices = job.parameters.choices
    nothing = {"usage": None} if job.parameters.include_usage else {}

    def piece(number: int) -> bytes:
        token, index = divmod(number, choices)
        listed = [_choice(index, token_text(token), None, FILTERS)]
        return frame(orjson.dumps({**_envelope(job, listed), **nothing}))

    ends = [[_choice(index, "", job.finish_reason, {})] for index in range(choices)]
    tail = b"".join(frame(orjson.dumps({**_envelope(job, end), **nothing})) for end in ends)
    if job.parameters.include_usage:
        tail += frame(orjson.dumps({**_envelope(job, []), "usage": usage_of(job)}))
    return Stream(b"", job.completion_tokens * choices, piece, tail + b"data: [DONE]\n\n")


def _envelope(job: Job, choices: list[dict[str, object]]) -> dict[str, object]:
    return {
        "choices": choices,
        "created": job.created,
        "id": f"cmpl-{job.ident[:29]}",
        "model": job.model,
        "object": "text_completion",
    }


def _choice(index: int, text: str, finish: str | None, filters: Mapping[str, object]) -> dict[str, object]:
    return {
        "content_filter_results": filters,
        "finish_reason": finish,
        "index": index,
        "logprobs": None,
        "text": text,
    }
