"""Answers of the responses operation with one text, whole and streamed."""

from __future__ import annotations

from typing import Any

import orjson

from provision.local.mock.answers.job import Job, Stream
from provision.local.mock.tokens import text_of, token_text

__all__ = ["responses_stream", "responses_whole"]


def responses_whole(job: Job) -> bytes:
    """Return the JSON body."""
    return orjson.dumps(_response(job, "completed"))


def responses_stream(job: Job) -> Stream:
    """Return the stream from `response.created` to `response.completed`, with one `output_text.delta` per token."""
    started = _response(job, "in_progress")
    where: dict[str, Any] = {"item_id": _item_id(job), "output_index": 0, "content_index": 0}
    opening = {**_item(job, "in_progress"), "content": []}
    head: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": started}),
        ("response.in_progress", {"response": started}),
        ("response.output_item.added", {"output_index": 0, "item": opening}),
        ("response.content_part.added", {**where, "part": _part("")}),
    ]
    count = job.completion_tokens

    def piece(number: int) -> bytes:
        event = {**where, "delta": token_text(number), "logprobs": []}
        return _event("response.output_text.delta", len(head) + number, event)

    text = text_of(count)
    ended = _response(job, _final_status(job))
    tail = [
        ("response.output_text.done", {**where, "text": text, "logprobs": []}),
        ("response.content_part.done", {**where, "part": _part(text)}),
        ("response.output_item.done", {"output_index": 0, "item": ended["output"][0]}),
        (f"response.{ended['status']}", {"response": ended}),
    ]
    return Stream(_events(head, 0), count, piece, _events(tail, len(head) + count))


def _events(listed: list[tuple[str, dict[str, Any]]], first: int) -> bytes:
    return b"".join(_event(kind, first + number, fields) for number, (kind, fields) in enumerate(listed))


def _event(kind: str, number: int, fields: dict[str, Any]) -> bytes:
    payload = orjson.dumps({"type": kind, "sequence_number": number, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + payload + b"\n\n"


def _item_id(job: Job) -> str:
    return f"msg_{job.ident}"


def _final_status(job: Job) -> str:
    return "incomplete" if job.finish_reason == "length" else "completed"


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _item(job: Job, status: str) -> dict[str, Any]:
    content = [_part(text_of(job.completion_tokens))]
    return {"id": _item_id(job), "type": "message", "status": status, "content": content, "role": "assistant"}


def _response(job: Job, status: str) -> dict[str, Any]:
    """Return the response object. While it is in progress it has neither output nor usage."""
    done = status != "in_progress"
    final = _final_status(job) if done else status
    return {
        "id": f"resp_{job.ident}",
        "object": "response",
        "created_at": job.created,
        "status": final,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if final == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": job.asked.max_tokens,
        "model": job.model,
        "output": [_item(job, final)] if done else [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(job) if done else None,
        "user": None,
        "metadata": {},
    }


def _usage(job: Job) -> dict[str, Any]:
    prompt, completion = job.asked.prompt_tokens, job.completion_tokens
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }
