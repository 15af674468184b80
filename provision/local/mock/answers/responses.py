"""Answers of the responses operation, whole and streamed: one text, or one call of a function."""

from __future__ import annotations

import orjson

from provision.local.arm.call import Json
from provision.local.mock.answers.job import Job, Stream

__all__ = ["responses_stream", "responses_whole"]


def responses_whole(job: Job) -> bytes:
    """Return the JSON body."""
    return orjson.dumps(_response(job, _final_status(job)))


def responses_stream(job: Job) -> Stream:
    """Return the stream from `response.created` to `response.completed`, with one delta per token."""
    started = _response(job, "in_progress")
    ended = _response(job, _final_status(job))
    done = ended["output"][0]
    opening, closing, where = (_text_frames if _calls(job) is None else _call_frames)(job, done)
    head: list[tuple[str, Json]] = [
        ("response.created", {"response": started}),
        ("response.in_progress", {"response": started}),
        *opening,
    ]
    delta = "response.output_text.delta" if _calls(job) is None else "response.function_call_arguments.delta"
    count = job.completion_tokens

    def piece(number: int) -> bytes:
        return _event(delta, len(head) + number, {**where, "delta": job.token(number)})

    tail = [
        *closing,
        ("response.output_item.done", {"output_index": 0, "item": done}),
        (f"response.{ended['status']}", {"response": ended}),
    ]
    return Stream(_events(head, 0), count, piece, _events(tail, len(head) + count))


_Frames = tuple[list[tuple[str, Json]], list[tuple[str, Json]], Json]
"""The frames before the deltas, those after them, and the fields of each delta."""


def _text_frames(job: Job, done: Json) -> _Frames:
    where: Json = {"item_id": done["id"], "output_index": 0, "content_index": 0}
    text = {**where, "logprobs": []}
    opening = [
        ("response.output_item.added", {"output_index": 0, "item": {**done, "status": "in_progress", "content": []}}),
        ("response.content_part.added", {**where, "part": _part("")}),
    ]
    closing = [
        ("response.output_text.done", {**text, "text": job.text}),
        ("response.content_part.done", {**where, "part": _part(job.text)}),
    ]
    return opening, closing, text


def _call_frames(job: Job, done: Json) -> _Frames:
    where: Json = {"item_id": done["id"], "output_index": 0}
    added = {**done, "status": "in_progress", "arguments": ""}
    opening = [("response.output_item.added", {"output_index": 0, "item": added})]
    ending = {**where, "name": done["name"], "arguments": job.text}
    return opening, [("response.function_call_arguments.done", ending)], where


def _events(listed: list[tuple[str, Json]], first: int) -> bytes:
    return b"".join(_event(kind, first + number, fields) for number, (kind, fields) in enumerate(listed))


def _event(kind: str, number: int, fields: Json) -> bytes:
    payload = orjson.dumps({"type": kind, "sequence_number": number, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + payload + b"\n\n"


def _final_status(job: Job) -> str:
    return "incomplete" if job.finish_reason == "length" else "completed"


def _part(text: str) -> Json:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _calls(job: Job) -> str | None:
    """Return the function that the answer calls; None for a text."""
    return None if job.parameters.form is None else job.parameters.form.call


def _item(job: Job, status: str) -> Json:
    name = _calls(job)
    if name is not None:
        call = {"call_id": job.call_id, "name": name, "arguments": job.text}
        return {"id": f"fc_{job.ident}", "type": "function_call", "status": status, **call}
    content = [_part(job.text)]
    return {"id": f"msg_{job.ident}", "type": "message", "status": status, "content": content, "role": "assistant"}


def _response(job: Job, status: str) -> Json:
    """Return the response object. While it is in progress it has neither output nor usage."""
    done = status != "in_progress"
    return {
        "id": job.response_id,
        "object": "response",
        "created_at": job.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": job.parameters.max_tokens,
        "model": job.model,
        "output": [_item(job, status)] if done else [],
        "parallel_tool_calls": True,
        "previous_response_id": job.parameters.previous,
        "reasoning": {"effort": None, "summary": None},
        "store": job.parameters.store,
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


def _usage(job: Job) -> Json:
    prompt, completion = job.parameters.prompt_tokens, job.completion_tokens
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }
