"""Session affinity of a pool: a cookie that binds a client to one member [D-BE]."""

from __future__ import annotations

import hashlib
from http.cookies import CookieError, SimpleCookie

from provision.local.apim.context import Headers
from provision.local.gateway.backends import BackendEntity

__all__ = ["bound_member", "cookie_for"]


def bound_member(pool: BackendEntity, headers: Headers) -> str | None:
    """Return the member that the request's cookie names, or None if there is no such cookie or member."""
    if pool.affinity is None:
        return None
    cookies: SimpleCookie = SimpleCookie()
    for line in headers.get_all("cookie"):
        try:
            cookies.load(line)
        except CookieError:
            continue
    morsel = cookies.get(pool.affinity.cookie)
    if morsel is None:
        return None
    return next((name for name in pool.members if _value(name) == morsel.value), None)


def cookie_for(pool: BackendEntity, member: str) -> str | None:
    """Return the Set-Cookie value that binds a client to a member, or None if the pool has no session affinity."""
    return None if pool.affinity is None else f"{pool.affinity.cookie}={_value(member)}; path=/; httponly"


def _value(member: str) -> str:
    """Return the cookie's value: the same on every unit, and without revealing the backend's name."""
    return hashlib.sha256(member.lower().encode()).hexdigest()[:32]
