"""Session affinity of a pool: a cookie that binds a client to one member [D-BE]."""

from __future__ import annotations

import hashlib
from http.cookies import CookieError, SimpleCookie

from provision.local.apim.context import Headers
from provision.local.gateway.backends import BackendEntity

__all__ = ["bound_member", "cookie_for"]


def bound_member(pool: BackendEntity, headers: Headers) -> str | None:
    """The member that the request's cookie names; None: no cookie, or one that names nobody."""
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
    """The Set-Cookie value for a member; None: the pool binds nobody."""
    return None if pool.affinity is None else f"{pool.affinity.cookie}={_value(member)}; path=/; httponly"


def _value(member: str) -> str:
    """Opaque, the same on every unit, and silent about the backend's name."""
    return hashlib.sha256(member.lower().encode()).hexdigest()[:32]
