"""Registers Uri, UriBuilder, WebUtility, HttpUtility and IPAddress. They work on text and never use the network."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, unquote, unquote_plus, urljoin, urlsplit

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.basic import enumeration
from provision.local.apim.expressions.library.context_ import URL as CONTEXT_URL
from provision.local.apim.expressions.library.context_ import Lookup
from provision.local.apim.expressions.library.strings import null_argument
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.runtime.operators import OVERLOADS
from provision.local.apim.expressions.runtime.text import FORMATTERS
from provision.local.apim.expressions.runtime.values import Array

__all__ = ["Uri"]

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}
enumeration("UriKind", {"RelativeOrAbsolute": 0, "Absolute": 1, "Relative": 2})


@dataclass(slots=True, frozen=True)
class Uri:
    """An absolute or relative URI in parts; `text` is its canonical form."""

    text: str
    scheme: str = ""
    host: str = ""
    port: int = -1
    path: str = ""
    query: str = ""
    fragment: str = ""
    user: str = ""


def parse_uri(text: str | None, kind: object = None) -> Uri | None:
    """Return an absolute URI, or a relative one if `kind` allows it, or None if it is neither."""
    if text is None or len(text) > 65_519:
        return None
    relative = getattr(kind, "value", 1) != 1
    bare = text.strip()
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", bare) is None:
        return Uri(bare) if relative else None
    try:
        parts = urlsplit(bare)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme in _PORTS and (not host or re.search(r"[\s<>\"{}|\\^`]", host)):
        return None
    number = _PORTS.get(scheme, -1) if port is None else port
    path = quote(parts.path, safe="%/:@!$&'()*+,;=~-._") or ("/" if host else "")
    authority = f"//{host}" + ("" if port is None or port == _PORTS.get(scheme) else f":{port}") if host else ""
    query, fragment = (f"{sign}{part}" if part else "" for sign, part in (("?", parts.query), ("#", parts.fragment)))
    whole = f"{scheme}:{authority}{path}{query}{fragment}"
    return Uri(whole, scheme, host, number, path, query, fragment, parts.netloc.rpartition("@")[0])


URI = Table("Uri", (Uri,), bases=("object",))
FORMATTERS[Uri] = lambda uri, pattern: unquote(uri.text) if "%20" in uri.text else uri.text
OVERLOADS["==", Uri, Uri] = lambda a, b: a.text == b.text


@URI.member("new(string|Uri uriString, string|UriKind|Uri relative?)")
def new_uri(text: str | Uri | None, more: object = None) -> Uri:
    if text is None:
        raise null_argument("uriString")
    if isinstance(text, Uri):
        text, more = urljoin(text.text, more.text if isinstance(more, Uri) else str(more or "")), None
    found = parse_uri(text, more)
    if found is None:
        raise Thrown("UriFormatException", "Invalid URI: The format of the URI could not be determined.")
    return found


@URI.member("static bool TryCreate(string uriString, UriKind kind, out Uri result)")
def try_create(text: str | None, kind: object) -> tuple[bool, Uri | None]:
    found = parse_uri(text, kind)
    return found is not None, found


@URI.member("static bool IsWellFormedUriString(string uriString, UriKind kind)")
def is_well_formed(text: str | None, kind: object) -> bool:
    return parse_uri(text, kind) is not None and re.search(r"[\s<>\"]", text or "") is None


@URI.member("static string EscapeDataString(string text)", source="5.5")
def escape_data(text: str | None) -> str:
    if text is None:
        raise null_argument("stringToEscape")
    return quote(text, safe="-_.~", errors="replace")


URI.member("static string UnescapeDataString(string text)")(lambda text: unquote(text))
URI.member("static string EscapeUriString(string text)")(
    lambda text: quote(text, safe="-_.~:/?#[]@!$&'()*+,;=", errors="replace")
)
CONTEXT_URL.member("Uri ToUri()", source="5.1")(lambda url: parse_uri(str(url)))
URI.member("string Scheme")(lambda uri: uri.scheme)
URI.member("string Host")(lambda uri: uri.host)
URI.member("string DnsSafeHost")(lambda uri: uri.host)
URI.member("int Port")(lambda uri: uri.port)
URI.member("string AbsolutePath")(lambda uri: uri.path)
URI.member("string LocalPath")(lambda uri: unquote(uri.path))
URI.member("string PathAndQuery")(lambda uri: uri.path + uri.query)
URI.member("string Query")(lambda uri: uri.query)
URI.member("string Fragment")(lambda uri: uri.fragment)
URI.member("string UserInfo")(lambda uri: uri.user)
URI.member("string AbsoluteUri")(lambda uri: uri.text)
URI.member("string OriginalString")(lambda uri: uri.text)
URI.member("bool IsAbsoluteUri")(lambda uri: bool(uri.scheme))
URI.member("bool IsDefaultPort")(lambda uri: uri.port == _PORTS.get(uri.scheme))
URI.member("string Authority")(
    lambda uri: uri.host + ("" if uri.port in (-1, _PORTS.get(uri.scheme)) else f":{uri.port}")
)
URI.member("string[] Segments")(lambda uri: Array(re.findall(r"[^/]*/|[^/]+$", uri.path)))

enumeration("UriPartial", {"Scheme": 0, "Authority": 1, "Path": 2, "Query": 3})


@URI.member("string GetLeftPart(UriPartial part)")
def left_part(uri: Uri, part: object) -> str:
    port = "" if uri.port in (-1, _PORTS.get(uri.scheme)) else f":{uri.port}"
    pieces = [f"{uri.scheme}://", uri.host + port, uri.path, uri.query]
    return "".join(pieces[: getattr(part, "value", 0) + 1])


def url_encode(text: str | None) -> str | None:
    """Implement WebUtility.UrlEncode: blanks become `+`, and `-_.!*()` are not encoded."""
    return (
        None if text is None else quote(text, safe=" -_.!*()", errors="replace").replace("~", "%7E").replace(" ", "+")
    )


def html_encode(text: str | None) -> str | None:
    """Implement WebUtility.HtmlEncode, which encodes `< > & " '` and U+00A0 to U+00FF."""
    if text is None:
        return None
    escaped = html.escape(text, quote=False).replace('"', "&quot;").replace("'", "&#39;")
    return re.sub("[\u00a0-\u00ff]", lambda found: f"&#{ord(found[0])};", escaped)


for _name, _space in (("WebUtility", "System.Net"), ("HttpUtility", "System.Web")):
    _table = Table(_name, (), _space, bases=("object",))
    _table.member("static string UrlEncode(string value)", source="5.5")(url_encode)
    _table.member("static string UrlDecode(string value)", source="5.5")(
        lambda text: None if text is None else unquote_plus(text)
    )
    _table.member("static string HtmlEncode(string value)", source="5.5")(html_encode)
    _table.member("static string HtmlDecode(string value)")(lambda text: None if text is None else html.unescape(text))
    if _name == "HttpUtility":
        _table.member("static Lookup ParseQueryString(string query)")(lambda text: Lookup(_query(text)))


def _query(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in text.removeprefix("?").split("&"):
        name, _, value = part.partition("=")
        found.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return found


ADDRESS = Table("IPAddress", (), "System.Net", bases=("object",))


@ADDRESS.member("static bool TryParse(string text, out object address)")
def try_parse_address(text: str | None) -> tuple[bool, str | None]:
    try:
        return True, str(ip_address((text or "").strip()))
    except ValueError:
        return False, None


ADDRESS.member("static object Parse(string text)")(lambda text: _address(text))


def _address(text: str | None) -> str:
    found, address = try_parse_address(text)
    if not found or address is None:
        raise Thrown("FormatException", "An invalid IP address was specified.")
    return address
