"""Which requests get a fault, by their number: the first 2, every 3rd, the 4th, the 4th to 6th."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

__all__ = ["Which", "WhichText", "parse_which"]

_NUMBER, _ORDINAL = r"\d{1,7}", "(?:st|nd|rd|th)"
_FORM = re.compile(
    rf"(?:the )?(?:first (?P<count>{_NUMBER})|every (?P<step>{_NUMBER}){_ORDINAL}"
    rf"|(?P<first>{_NUMBER}){_ORDINAL}(?: to (?:the )?(?P<last>{_NUMBER}){_ORDINAL})?)",
    re.ASCII,
)


class Which(NamedTuple):
    """The requests number `first`, `first + step` and so on up to `last`, counted from 1. `last` None: no end."""

    first: int
    last: int | None
    step: int = 1

    def includes(self, number: int) -> bool:
        """Return whether the request with this number is one of them."""
        within = self.first <= number and (self.last is None or number <= self.last)
        return within and (number - self.first) % self.step == 0


@lru_cache(maxsize=256)
def parse_which(text: str) -> Which:
    """Return the requests that a text such as `first 2` names. Raises ValueError for any other text."""
    found = _FORM.fullmatch(text)
    named = {} if found is None else {name: int(number) for name, number in found.groupdict("0").items()}
    count, step, first = (named.get(name, 0) for name in ("count", "step", "first"))
    last = named.get("last") or first
    if count:
        return Which(1, count)
    if step:
        return Which(step, None, step)
    if 0 < first <= last:
        return Which(first, last)
    raise ValueError(f"{text!r} names no requests; write `first 2`, `every 3rd`, `4th` or `4th to 6th`")


def _checked(text: str) -> str:
    parse_which(text)
    return text


WhichText = Annotated[str, Field(max_length=40), AfterValidator(_checked)]
"""A pydantic field with a text that `parse_which` accepts."""
