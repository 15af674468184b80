"""The responses that an account or web app stores, for `previous_response_id` and for GET and DELETE."""

from __future__ import annotations

from provision.local.mock.answers.job import Job

__all__ = ["StoredResponses"]

MOST_RESPONSES = 20_000
"""Most responses that one account keeps; the oldest is forgotten first."""


class StoredResponses:
    """Responses by id. Each account has its own: the id of one account is unknown to every other [AIG-219]."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def keep(self, job: Job) -> None:
        """Store a response."""
        if len(self._jobs) >= MOST_RESPONSES:
            del self._jobs[next(iter(self._jobs))]
        self._jobs[job.response_id] = job

    def get(self, ident: str) -> Job | None:
        """Return the stored response with this id, or None."""
        return self._jobs.get(ident)

    def delete(self, ident: str) -> bool:
        """Forget a response. Return False if it was not stored."""
        return self._jobs.pop(ident, None) is not None
