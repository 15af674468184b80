"""Converts the response that the policies left in `context.response` to the wire's form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from provision.local.apim.context import Response
from provision.local.gateway.visit import HOP_BY_HOP
from provision.local.wire import Response as WireResponse
from provision.local.wire.calls import UpstreamFailure

__all__ = ["answer_of"]

_FRAMING = HOP_BY_HOP | {"content-length"}


Done = Callable[[int, BaseException | None], None]
"""Called with the size of the body, and with the reason why it ended early, or None if it is complete."""


def answer_of(response: Response, method: str, done: Done) -> WireResponse:
    """Return the response for the client.

    `done` is called once, when the whole body is available or has been sent. The length of a body that is available is
    computed anew, and the one of a streamed body is kept. The answer to HEAD keeps it as well, because it describes a
    body that is not sent.
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
    """A body that counts its bytes as they are sent and calls back when it ends, for whatever reason."""

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
        ended, self._ended = self._ended, None  # if it were kept, its traceback would keep this body
        if done is not None:
            done(self._size, ended)
        close = getattr(self._body, "aclose", None)
        if close is not None:
            await close()
