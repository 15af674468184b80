"""Suggest the known name that a mistyped one is closest to."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["closest", "did_you_mean", "known_names"]

LEAST_SIMILARITY = 0.6
LONGEST_COMPARED = 100  # comparing costs the product of the lengths, and nothing longer is a slip of the keyboard


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name`, or None if none is like it.

    Case, hyphens and camelCase make no difference: `tripDuration` is `trip_duration`.
    """
    if len(name) > LONGEST_COMPARED:
        return None
    by_plain_form = {_plain(each): each for each in known}
    found = difflib.get_close_matches(_plain(name), by_plain_form, n=1, cutoff=LEAST_SIMILARITY)
    return by_plain_form[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'trip_duration'?` for a name that is like a known one, else the empty string."""
    found = closest(name, known)
    return "" if found is None else f"; did you mean {found!r}?"


def known_names(name: str, known: Iterable[str], label: str) -> str:
    """Return `; did you mean 'mock1'? Backends: mock1, mock2`, or only `; backends: …` if the name is like none.

    The result follows the sentence that says which name is unknown.
    """
    names = sorted(known)
    meant, listed = did_you_mean(name, names), f"{label}: {', '.join(names) or 'none'}"
    return f"{meant} {listed[:1].upper()}{listed[1:]}" if meant else f"; {listed}"


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-\s]", "_", name).lower()
