"""An answer before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

import orjson

from provision.local.mock.answers.job import Stream
from provision.local.mock.errors import ApiError, deployment_not_found, service_error, wrong_key

__all__ = ["Reply", "simulated_error"]

Header = tuple[str, str]


@dataclass(slots=True)
class Reply:
    """Status, headers and body of an answer, its delay, and whether to close the connection before or during it."""

    status: int
    headers: list[Header]
    body: bytes | Stream
    wait_s: float = 0.0
    """Delay in seconds from the arrival of the request's head."""
    chunk_s: float = 0.0
    drop: Literal["before", "during"] | None = None


def simulated_error(status: int, retry_after: tuple[Header, ...]) -> ApiError:
    """Return Azure OpenAI's error of this status, with no body for 3xx. `throttling` makes the 429."""
    if status < 400:
        return ApiError(status, b"", retry_after)
    if status == 400:
        error = _content_filter()  # the only 400 of Azure OpenAI that does not depend on the form of the request
    elif status == 401:
        error = wrong_key()
    elif status == 404:
        error = deployment_not_found()
    elif status == 500:
        message = "The server had an error while processing your request. Sorry about that!"
        error = service_error(500, "InternalServerError", message)
    else:
        error = service_error(status, str(status), _phrase(status))
    return ApiError(error.status, error.body, (*error.headers, *retry_after))


def _content_filter() -> ApiError:
    safe = {"filtered": False, "severity": "safe"}
    results = {"hate": safe, "self_harm": safe, "sexual": safe, "violence": {"filtered": True, "severity": "medium"}}
    error = {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
        "Please modify your prompt and retry. To learn more about our content filtering policies please read our "
        "documentation: https://go.microsoft.com/fwlink/?linkid=2198766",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results},
    }
    return ApiError(400, orjson.dumps({"error": error}))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "The request failed."
