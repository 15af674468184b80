"""What the policies left in `context.response`, as the wire sends it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from provision.local.gateway.context import Response
from provision.local.gateway.visit import HOP_BY_HOP
from provision.local.wire import Response as WireResponse

__all__ = ["answer_of"]

_FRAMING = HOP_BY_HOP | {"content-length"}


def answer_of(response: Response, method: str, done: Callable[[int], None]) -> WireResponse:
    """The response for the client. `done` is called once with the body's size when it is known.

    A length is made anew for a body at hand and kept for one that streams; the answer to HEAD keeps it
    too, for it tells of a body that is not there.
    """
    data, stream = response.body.data, response.body.stream
    reason = response.status_reason or None
    if data is not None:
        done(len(data))
        left_out = HOP_BY_HOP if method == "HEAD" and not data else _FRAMING
        headers = [header for header in response.headers if header[0].lower() not in left_out]
        return WireResponse(response.status_code, headers, data, reason)
    headers = [header for header in response.headers if header[0].lower() not in HOP_BY_HOP]
    if stream is None:
        done(0)
        return WireResponse(response.status_code, headers, b"", reason)
    return WireResponse(response.status_code, headers, _Counted(stream, done), reason)


class _Counted:
    """A body that counts its bytes on the way and tells when it ends, however it ends."""

    def __init__(self, body: AsyncIterator[bytes], done: Callable[[int], None]) -> None:
        self._body = body
        self._done: Callable[[int], None] | None = done
        self._size = 0

    def __aiter__(self) -> _Counted:
        return self

    async def __anext__(self) -> bytes:
        part = await self._body.__anext__()
        self._size += len(part)
        return part

    async def aclose(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(self._size)
        close = getattr(self._body, "aclose", None)
        if close is not None:
            await close()
