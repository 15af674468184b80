"""What the policies left in `context.response`, as the wire sends it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from provision.local.apim.context import Response
from provision.local.gateway.visit import HOP_BY_HOP
from provision.local.wire import Response as WireResponse
from provision.local.wire.calls import UpstreamFailure

__all__ = ["answer_of"]

_FRAMING = HOP_BY_HOP | {"content-length"}


Done = Callable[[int, BaseException | None], None]
"""Takes the size of the body, and why it ended early; None: it is complete."""


def answer_of(response: Response, method: str, done: Done) -> WireResponse:
    """The response for the client. `done` is called once, when all of the body is at hand or has passed.

    A length is made anew for a body at hand and kept for one that streams; the answer to HEAD keeps it
    too, for it tells of a body that is not there.
    """
    data, stream = response.body.data, response.body.stream
    reason = response.status_reason or None
    if data is not None:
        done(len(data), None)
        left_out = HOP_BY_HOP if method == "HEAD" and not data else _FRAMING
        headers = [header for header in response.headers if header[0].lower() not in left_out]
        return WireResponse(response.status_code, headers, data, reason)
    headers = [header for header in response.headers if header[0].lower() not in HOP_BY_HOP]
    if stream is None:
        done(0, None)
        return WireResponse(response.status_code, headers, b"", reason)
    return WireResponse(response.status_code, headers, _Counted(stream, done), reason)


class _Counted:
    """A body that counts its bytes on the way and tells when it ends, however it ends."""

    def __init__(self, body: AsyncIterator[bytes], done: Done) -> None:
        self._body = body
        self._done: Done | None = done
        self._size = 0
        self._ended: BaseException | None = ConnectionResetError("the client left")

    def __aiter__(self) -> _Counted:
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await self._body.__anext__()
        except StopAsyncIteration:
            self._ended = None
            raise
        except UpstreamFailure as failure:
            self._ended = failure
            raise
        self._size += len(part)
        return part

    async def aclose(self) -> None:
        done, self._done = self._done, None
        ended, self._ended = self._ended, None  # kept, its traceback would hold this body
        if done is not None:
            done(self._size, ended)
        close = getattr(self._body, "aclose", None)
        if close is not None:
            await close()
