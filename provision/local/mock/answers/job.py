"""One admitted request, in the form that the modules of this folder use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provision.local.mock.asked import DEFAULT_TOKENS, Asked

__all__ = ["Job", "Stream"]

FINGERPRINT = "fp_7a1c0b2d3e"


@dataclass(slots=True)
class Job:
    """The values of one answer. `ident` is 32 hexadecimal digits, `created` is in unix seconds."""

    asked: Asked
    model: str
    ident: str
    created: int
    wanted_tokens: int | None = None
    """Completion tokens that the simulation sets; None: those of the request."""

    @property
    def completion_tokens(self) -> int:
        """Return the tokens of each choice: those of the simulation, else `max_tokens`, else the default of 16."""
        if self.wanted_tokens is not None:
            return self.wanted_tokens
        return DEFAULT_TOKENS if self.asked.max_tokens is None else self.asked.max_tokens

    @property
    def finish_reason(self) -> str:
        """Return `length` if the request's own limit ended the answer, else `stop`."""
        limit = self.asked.max_tokens
        return "length" if limit is not None and self.completion_tokens >= limit else "stop"


@dataclass(slots=True)
class Stream:
    """A streamed answer: frames before the tokens, one frame per token (made when it is due), and frames after."""

    head: bytes
    count: int
    piece: Callable[[int], bytes]
    tail: bytes
