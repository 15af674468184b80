"""Refuse requests of web pages to the control plane, because a browser here can reach every loopback port.

No client of the control plane is a web page, so a foreign Origin is always refused. A Host that is not
a loopback name means that a page had its own DNS name rebound to this machine. Microsoft's sign-in names are the
exception: the gateway sends those here, and no attacker can rebind them.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from provision.local.gateway.endpoints import SIGN_IN

__all__ = ["refuse_other_sites"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@web.middleware
async def refuse_other_sites(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 421 for a foreign Host and 403 for a request that a page of another site makes."""
    host = request.headers.get("Host", "")
    if not _is_own(host):
        return web.json_response({"error": "the local cloud is only served under loopback names"}, status=421)
    origin = request.headers.get("Origin")
    fetched_from = request.headers.get("Sec-Fetch-Site", "none")
    foreign = origin is not None and origin.lower() != f"{request.scheme}://{host}".lower()
    if foreign or (request.method not in SAFE_METHODS and fetched_from not in ("same-origin", "none")):
        return web.json_response({"error": "the local cloud takes no requests from web pages"}, status=403)
    return await handler(request)


def _is_own(host: str) -> bool:
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        return name == "localhost" or name in SIGN_IN or ip_address(name).is_loopback
    except ValueError:
        return False
