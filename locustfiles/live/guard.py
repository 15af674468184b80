"""Protects Locust's web page from other sites: checks Host, Origin, content type, token and choices of each request.

Any page that the developer's browser shows can send requests to a loopback port. It can post forms across origins,
and with a rebound DNS name it can also read the answers.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, request

__all__ = ["Guard", "Refused", "host_allowed"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT_TYPES = frozenset({"application/x-www-form-urlencoded", "application/json"})
"""The types that Locust's page sends. The page's own multipart or plain-text requests do not exist."""
EVERY_INTERFACE = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104  # compared with, never bound
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",  # a hostile page must not lay our Start button below its own
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

CheckForm = Callable[[Mapping[str, str]], str | None]


class Refused(Exception):
    """A request that the page must not serve. `status` is the HTTP status to answer with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Guard:
    """Checks every request to one process's page. The token lives as long as the process.

    `check_form` returns why a start form is refused, or None if it is allowed.
    """

    def __init__(self, bound_host: str, port: int, check_form: CheckForm) -> None:
        self._bound_host = bound_host
        self._check_form = check_form
        # Browsers share a host's cookies among its ports: two pages on one machine need two names.
        self._cookie = f"tripcurve-{port}"
        self._token = secrets.token_urlsafe(32)

    def protect(self, app: Flask) -> None:
        """Check each request before any route sees it, Locust's own routes included."""
        app.before_request(self._before)
        # Flask runs these hooks last to first. Ours must run after flask_cors, which allows every origin to read.
        app.after_request_funcs.setdefault(None, []).insert(0, self._after)

    def _before(self) -> tuple[str, int] | None:
        try:
            self._check()
        except Refused as refusal:
            return f"tripcurve: {refusal}\n", refusal.status
        return None

    def _check(self) -> None:
        if not host_allowed(request.headers.get("Host", ""), self._bound_host):
            raise Refused(421, "this page is not served under that host name; use 127.0.0.1 or the --web-host name")
        if request.method in SAFE_METHODS:
            return
        self._check_source()
        self._check_body()
        if not secrets.compare_digest(request.cookies.get(self._cookie, "").encode(), self._token.encode()):
            raise Refused(403, "the request does not carry this process's token; reload the page")

    def _check_source(self) -> None:
        origin, own = request.headers.get("Origin"), f"{request.scheme}://{request.headers['Host']}"
        if origin is not None and origin.lower() != own.lower():
            raise Refused(403, "the request comes from another site")
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "the request comes from another site")

    def _check_body(self) -> None:
        empty = not request.content_length and "Transfer-Encoding" not in request.headers
        if request.mimetype not in CONTENT_TYPES and not (empty and not request.mimetype):
            raise Refused(415, f"send {' or '.join(sorted(CONTENT_TYPES))}")
        if request.endpoint == "locust.swarm":
            for name in request.form:
                if len(request.form.getlist(name)) > 1 and name != "user_classes":
                    raise Refused(400, f"the form has {name} more than once")
            problem = self._check_form(request.form)
            if problem is not None:
                raise Refused(400, problem)

    def _after(self, response: Response) -> Response:
        for name in [name for name in response.headers.keys() if name.startswith("Access-Control-")]:  # noqa: SIM118
            del response.headers[name]
        response.headers.update(HEADERS)
        if request.endpoint in ("locust.index", "locust.login") and response.status_code < 400:
            response.set_cookie(
                self._cookie, self._token, httponly=True, samesite="Strict", secure=request.scheme == "https"
            )
        return response


def host_allowed(host: str, bound_host: str) -> bool:
    """Return whether a Host header names this page: a loopback name, or the host it is bound to.

    A page bound to every interface also takes IP addresses, which DNS cannot rebind, and this machine's name.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if not name or any(character in host for character in "/?#@\\"):
        return False
    if name in ("localhost", bound_host.lower()):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return bound_host in EVERY_INTERFACE and name == socket.gethostname().lower()
    return address.is_loopback or bound_host in EVERY_INTERFACE
