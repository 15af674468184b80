"""One admitted request, in the form that the modules of this folder use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provision.local.mock.parameters import DEFAULT_TOKENS, Parameters
from provision.local.mock.tokens import CHARACTERS_PER_TOKEN, estimate, text_of, token_text

__all__ = ["Job", "Stream"]

FINGERPRINT = "fp_7a1c0b2d3e"


@dataclass(slots=True)
class Job:
    """The values of one answer. `ident` is 32 hexadecimal digits, `created` is in unix seconds."""

    parameters: Parameters
    model: str
    ident: str
    created: int
    wanted_tokens: int | None = None
    """Completion tokens that the simulation sets; None: those of the request. A form has its own number."""

    @property
    def completion_tokens(self) -> int:
        """Return the tokens of each choice: those of the simulation, else `max_tokens`, else the default of 16."""
        limit = self.parameters.max_tokens
        if self.parameters.form is not None:
            whole = estimate(len(self.parameters.form.text))
            return whole if limit is None else min(whole, limit)
        if self.wanted_tokens is not None:
            return self.wanted_tokens
        return DEFAULT_TOKENS if limit is None else limit

    @property
    def finish_reason(self) -> str:
        """Return `length` if the request's own limit ended the answer, else `stop`, or the form's own reason."""
        limit, form = self.parameters.max_tokens, self.parameters.form
        if form is not None:
            cut = limit is not None and limit < estimate(len(form.text))
            return "length" if cut else form.finish
        return "length" if limit is not None and self.completion_tokens >= limit else "stop"

    @property
    def text(self) -> str:
        """Return the text of each choice, or the arguments of its call."""
        form, tokens = self.parameters.form, self.completion_tokens
        return text_of(tokens) if form is None else form.text[: CHARACTERS_PER_TOKEN * tokens]

    def token(self, index: int) -> str:
        """Return the text of one token."""
        form, start = self.parameters.form, CHARACTERS_PER_TOKEN * index
        return token_text(index) if form is None else form.text[start : start + CHARACTERS_PER_TOKEN]

    @property
    def call_id(self) -> str:
        """Return the id of the call, if the answer is one."""
        return f"call_{self.ident[:24]}"

    @property
    def response_id(self) -> str:
        """Return the id under which the Responses API stores the answer."""
        return f"resp_{self.ident}"


@dataclass(slots=True)
class Stream:
    """A streamed answer: frames before the tokens, one frame per token (made when it is due), and frames after."""

    head: bytes
    count: int
    piece: Callable[[int], bytes]
    tail: bytes
