"""Credentials inside URLs, which must not be printed or written anywhere."""

from __future__ import annotations

import re

__all__ = ["has_credentials", "without_credentials"]

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")


def has_credentials(url: str) -> bool:
    """Return whether a URL has a user name or a password before its host."""
    return bool(_CREDENTIALS.search(url))


def without_credentials(text: str) -> str:
    """Return the text with `***` for the user name and password of every URL in it."""
    return _CREDENTIALS.sub("***@", text)
