"""What a caller saw in the end of one call, retries included."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Call"]


class Call(NamedTuple):
    """One call. `failure` None: it settled; else what the caller was told. Times are monotonic ns."""

    user: str
    failure: str | None
    start_ns: int
    end_ns: int
