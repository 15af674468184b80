"""One admitted request, as the answer builders see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provision.local.mock.asked import DEFAULT_TOKENS, Asked

__all__ = ["Job", "Stream"]

FINGERPRINT = "fp_7a1c0b2d3e"


@dataclass(slots=True)
class Job:
    """What to answer. `ident` is 32 hexadecimal digits, `created` unix seconds."""

    asked: Asked
    model: str
    ident: str
    created: int
    wanted_tokens: int | None = None
    """Completion tokens the simulation asks for; None: as the request says."""

    @property
    def completion_tokens(self) -> int:
        """Tokens of each choice: what the simulation wants, else all of `max_tokens`, else 16."""
        if self.wanted_tokens is not None:
            return self.wanted_tokens
        return DEFAULT_TOKENS if self.asked.max_tokens is None else self.asked.max_tokens

    @property
    def finish_reason(self) -> str:
        """`length` when the request's own limit ended the answer."""
        limit = self.asked.max_tokens
        return "length" if limit is not None and self.completion_tokens >= limit else "stop"


@dataclass(slots=True)
class Stream:
    """A streamed answer: frames before the tokens, one frame a token (made when its time has come), frames after."""

    head: bytes
    count: int
    piece: Callable[[int], bytes]
    tail: bytes
