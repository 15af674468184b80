"""Fetch documents that a request names by address instead of sending them.

Only addresses of this machine are allowed: fetching any address would let a request reach other hosts through us.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp

from provision.local.arm.errors import validation_error

__all__ = ["fetch", "is_local"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LARGEST = 4_000_000
_TIMEOUT_S = 10.0


def is_local(link: str) -> bool:
    """Return whether the address is on this machine."""
    parts = urlsplit(link)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


async def fetch(link: str) -> str:
    """Return the document at an address of this machine. Raises ArmError 400 for any other address or no answer."""
    if not is_local(link):
        raise validation_error(
            ("value", f"Unable to read '{link}': the local cloud reads http addresses of this machine only.")
        )
    try:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(link, allow_redirects=False) as found:
            raw = await found.content.read(_LARGEST + 1)
            if found.status != 200 or len(raw) > _LARGEST:
                raise validation_error(("value", f"Unable to read '{link}': it answered {found.status}."))
            return raw.decode("utf-8")
    except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError, ValueError) as error:
        raise validation_error(("value", f"Unable to read '{link}': {type(error).__name__}.")) from None
