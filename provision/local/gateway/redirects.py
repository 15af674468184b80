"""Follows redirects for forward-request with follow-redirects."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urljoin

from provision.local.apim.context import Url
from provision.local.apim.policies.targets import parse_url
from provision.local.apim.services import PolicyFault
from provision.local.wire.calls import ClientResponse

__all__ = ["MOST", "Hop", "is_redirect", "next_hop"]

MOST = 10
"""The most redirects that are followed for one request. The response after them is returned as it is."""


class Hop(NamedTuple):
    """The next request. `body` False: without a body."""

    method: str
    url: Url
    body: bool


def is_redirect(response: ClientResponse) -> bool:
    """Return whether the response redirects the caller."""
    return response.status in (301, 302, 303, 307, 308) and response.header("location") is not None


def next_hop(method: str, url: Url, response: ClientResponse) -> Hop | None:
    """Return the next request, or None if the response is no redirect, or redirects to an address that cannot be
    requested.

    As in browsers and .NET, a 303 becomes a GET, and so does a 301 or 302 after a POST.
    """
    if not is_redirect(response):
        return None
    try:
        target = parse_url(urljoin(str(url), response.header("location") or ""), "forward-request")
    except PolicyFault:
        return None
    turns = (response.status == 303 and method != "HEAD") or (response.status in (301, 302) and method == "POST")
    return Hop("GET" if turns else method, target, not turns)
