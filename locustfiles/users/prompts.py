"""Prompts of equal length that all differ, so that no cache makes the backend look faster."""

from __future__ import annotations

import json
import random

from tripcurve.target import Target

__all__ = ["Prompts"]

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


class Prompts:
    """Makes request bodies with about `prompt` tokens each. A number near the start makes every body unique.

    All bodies have the same length in bytes, so that a request's head can be built beforehand.
    """

    def __init__(self, rng: random.Random, prompt: int, completion: int, target: Target, stream: bool = False) -> None:
        texts = [self._text(rng, prompt) for _ in range(VARIETY)]
        longest = max(map(len, texts))
        self._texts = [text.ljust(longest, ".") for text in texts]
        self.completion = completion
        messages = [[{"role": "user", "content": text}] for text in self._texts]
        shaped = [target.chat_body(one, completion, stream) for one in messages]
        bodies = [json.dumps(body, separators=(",", ":")).encode() for body in shaped]
        self.length = len(bodies[0])
        self._halves = [tuple(body.split(_MARK.encode(), 1)) for body in bodies]
        self._next = rng.randrange(10**9)

    @staticmethod
    def _text(rng: random.Random, tokens: int) -> str:
        # The number takes about four tokens, and the chat format around a message about seven.
        count = max(tokens - 11, 1)
        return f"{_MARK} {' '.join(rng.choices(WORDS, k=count))}"

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
