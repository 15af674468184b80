"""Heads of the requests that a unit sends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from provision.local.apim.context import Request, Url
from provision.local.gateway.visit import HOP_BY_HOP
from provision.local.wire.messages import head_bytes

__all__ = ["request_head", "with_query"]

_OWN = HOP_BY_HOP | {"content-length", "host", "x-forwarded-for"}

_PRIVATE = frozenset({"authorization", "cookie", "api-key", "ocp-apim-subscription-key"})
_EMPTY: frozenset[str] = frozenset()


def request_head(
    request: Request,
    url: Url,
    body: bytes | AsyncIterator[bytes],
    *,
    method: str | None = None,
    client_host: str | None = None,
    extra: tuple[tuple[str, str], ...] = (),
    private: bool = True,
) -> tuple[bytes, bool]:
    """Return the head's bytes, and whether the body must be sent in chunks.

    Host is the URL's host, unless a policy set another one than the client sent. The framing headers are computed from
    the body, and the client's address is added to X-Forwarded-For. `extra` replaces headers of the same name. `method`
    None means the request's own. If `private` is False, headers that another host must not see are left out.
    """
    replaced = {name.lower() for name, _ in extra} | (_EMPTY if private else _PRIVATE)
    method = request.method if method is None else method
    host, length, forwarded = None, None, request.ip_address
    headers = []
    for name, value in request.headers:
        key = name.lower()
        if key not in _OWN:
            if key not in replaced:
                headers.append((name, value))
        elif key == "host":
            host = value if value != client_host else host
        elif key == "content-length":
            length = value
        elif key == "x-forwarded-for":
            forwarded = f"{value}, {forwarded}"
    headers.extend(extra)
    headers.append(("x-forwarded-for", forwarded))
    chunked = False
    if not isinstance(body, bytes):
        chunked = length is None
        headers.append(("transfer-encoding", "chunked") if length is None else ("content-length", length))
    elif body or method not in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE"):
        headers.append(("content-length", str(len(body))))
    headers.insert(0, ("host", host if host is not None else _authority(url)))
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return head_bytes(f"{method} {_one_word(target)} HTTP/1.1", headers), chunked


def with_query(url: Url, parameters: Mapping[str, Any]) -> Url:
    """Return the URL with a backend's query credentials added. Values are lists, as in ARM."""
    pairs = [
        f"{quote(str(name), safe='')}={quote(str(value), safe='')}"
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    query = "&".join([url.query, *pairs] if url.query else pairs)
    return Url(url.scheme, url.host, url.port, url.path, query)


def _authority(url: Url) -> str:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.host if url.port == default else f"{url.host}:{url.port}"


def _one_word(target: str) -> str:
    """Return a request target without blanks and control characters, because a policy may have put any text into the
    URL.
    """
    if target.isascii() and target.isprintable() and " " not in target:
        return target
    return quote(target, safe="/?&=%:@!$'()*+,;~#[]-._")
