"""Prompts that all differ, so that no cache makes the backend look faster: of equal length, or of a trace's sizes."""

from __future__ import annotations

import json
import random
from typing import Protocol

import orjson

from tripcurve.target import Target

__all__ = ["OVERHEAD", "Prompt", "Prompts", "SizedPrompts"]

VARIETY = 64
_COMMON = (
    "the of and to in is that it was for on are as with his they at be this from have or by one had not but what all "
    "were when we there can an your which their said if do will each about how up out them then she many some so "
    "these would other into has more her two like him see time could no make than first been its who now people my "
    "made over did down only way find use may water long little very after words called just where most know"
)
WORDS = tuple(_COMMON.split())
NUMBER_DIGITS = 12
_MARK = "0" * NUMBER_DIGITS
OVERHEAD = 11
"""Tokens beside the words: the number takes about four, and the chat format around a message about seven."""


class Prompt(Protocol):
    """The next request. `completion`: the most tokens of its answer. `length`: bytes of its body."""

    completion: int
    length: int

    def text(self) -> str:
        """Return the message, for clients that write the body themselves."""
        ...

    def after(self, head: bytes) -> bytes:
        """Return the request: the given head, made for a body of `length` bytes, and the body."""
        ...


class Prompts:
    """Makes request bodies with about `prompt` tokens each. A number near the start makes every body unique.

    All bodies have the same length in bytes, so that a request's head can be built beforehand.
    """

    def __init__(self, rng: random.Random, prompt: int, completion: int, target: Target, stream: bool = False) -> None:
        texts = [_text(rng, prompt) for _ in range(VARIETY)]
        longest = max(map(len, texts))
        self._texts = [text.ljust(longest, ".") for text in texts]
        self.completion = completion
        messages = [[{"role": "user", "content": text}] for text in self._texts]
        shaped = [target.chat_body(one, completion, stream) for one in messages]
        bodies = [json.dumps(body, separators=(",", ":")).encode() for body in shaped]
        self.length = len(bodies[0])
        self._halves = [tuple(body.split(_MARK.encode(), 1)) for body in bodies]
        self._next = rng.randrange(10**9)

    def _take(self) -> int:
        self._next += 1
        return self._next

    def text(self) -> str:
        """Return the next message, for clients that write the body themselves."""
        number = self._take()
        text = self._texts[number % VARIETY]
        return f"{number:0{NUMBER_DIGITS}d}{text[NUMBER_DIGITS:]}"

    def after(self, head: bytes) -> bytes:
        """Return the next request: the given head, made for a body of `length` bytes, and a body never used before."""
        number = self._take()
        first, last = self._halves[number % VARIETY]
        return b"%b%b%0*d%b" % (head, first, NUMBER_DIGITS, number, last)


class SizedPrompts:
    """Makes requests whose sizes differ, for a trace. `longest`: the most tokens that a prompt has."""

    def __init__(self, rng: random.Random, longest: int, target: Target, stream: bool = False) -> None:
        self._text = _text(rng, longest)
        blanks = (place for place, letter in enumerate(self._text) if letter == " ")
        self._ends = [*blanks, len(self._text)]
        """Where each word ends; the number at the start counts as a word."""
        self._target, self._stream = target, stream
        self._next = rng.randrange(10**9)

    def next(self, prompt: int, completion: int) -> SizedPrompt:
        """Return the next request: a prompt of about `prompt` tokens, and at most `completion` tokens in its answer."""
        self._next += 1
        end = self._ends[min(max(prompt - OVERHEAD, 1), len(self._ends) - 1)]
        text = f"{self._next:0{NUMBER_DIGITS}d}{self._text[NUMBER_DIGITS:end]}"
        body = self._target.chat_body([{"role": "user", "content": text}], completion, self._stream)
        return SizedPrompt(text, completion, orjson.dumps(body))


class SizedPrompt:
    """One request of a trace: a `Prompt` that is always the same."""

    def __init__(self, text: str, completion: int, body: bytes) -> None:
        self._text, self._body = text, body
        self.completion = completion
        self.length = len(body)

    def text(self) -> str:
        return self._text

    def after(self, head: bytes) -> bytes:
        return head + self._body


def _text(rng: random.Random, tokens: int) -> str:
    """Return a message of about `tokens` tokens that begins with a mark for its number."""
    return f"{_MARK} {' '.join(rng.choices(WORDS, k=max(tokens - OVERHEAD, 1)))}"
