"""Registers AsJwt(), TryParseJwt(), AsBasic() and the types that they return. They do not check signatures."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

import orjson

from provision.local.apim.expressions.library.context_ import Lookup
from provision.local.apim.expressions.library.strings import STRING
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.library.times import SECOND, UNIX_EPOCH, UTC_KIND, DateTime
from provision.local.apim.expressions.runtime.text import FORMATTERS
from provision.local.apim.expressions.runtime.values import Sequence

__all__ = ["Jwt", "parse_jwt"]

_SPACE = "Microsoft.Azure.ApiManagement.Proxy"


@dataclass(slots=True, frozen=True)
class Jwt:
    """A parsed token: its header and claims. `text` is the token as received."""

    text: str = field(repr=False)
    header: dict[str, object]
    claims: dict[str, object]


def _part(text: str) -> dict[str, object] | None:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = orjson.loads(raw)
    except (binascii.Error, ValueError):
        return None
    return found if isinstance(found, dict) else None


def parse_jwt(text: str | None) -> Jwt | None:
    """Return the JWT in a text, or None if it has none. `Bearer ` may precede it. The signature is not checked."""
    bare = (text or "").strip()
    if bare[:7].lower() == "bearer ":
        bare = bare[7:].strip()
    parts = bare.split(".")
    if len(parts) != 3 or not bare.isascii() or len(bare) > 65_536:
        return None
    header, claims = _part(parts[0]), _part(parts[1])
    return None if header is None or claims is None else Jwt(bare, header, claims)


def _texts(value: object) -> list[str]:
    """Return a claim as a list of texts: one for each element if it is a list. Values that are not text become JSON."""
    if isinstance(value, list):
        return [one for part in value for one in _texts(part)]
    return [value if isinstance(value, str) else orjson.dumps(value).decode()]


def _text(claims: dict[str, object], name: str) -> str | None:
    found = _texts(claims[name]) if name in claims else []
    return found[0] if found else None


def _moment(claims: dict[str, object], name: str) -> DateTime | None:
    value = claims.get(name)
    if not isinstance(value, (int, float)) or not 0 <= value < 2.5e11:
        return None
    return DateTime(UNIX_EPOCH + int(value) * SECOND, UTC_KIND)


JWT = Table("Jwt", (Jwt,), _SPACE, bases=("object",))
FORMATTERS[Jwt] = lambda token, pattern: token.text
JWT.member("string Id")(lambda token: _text(token.claims, "jti"))
JWT.member("string Issuer")(lambda token: _text(token.claims, "iss"))
JWT.member("string Subject")(lambda token: _text(token.claims, "sub"))
JWT.member("string Type")(lambda token: _text(token.header, "typ"))
JWT.member("string Algorithm")(lambda token: _text(token.header, "alg"))
JWT.member("IEnumerable<string> Audiences")(lambda token: Sequence(_texts(token.claims.get("aud", []))))
JWT.member("Lookup Claims")(lambda token: Lookup({name: _texts(value) for name, value in token.claims.items()}))
JWT.member("DateTime? ExpirationTime")(lambda token: _moment(token.claims, "exp"))
JWT.member("DateTime? NotBefore")(lambda token: _moment(token.claims, "nbf"))
JWT.member("DateTime? IssuedAt")(lambda token: _moment(token.claims, "iat"))


@STRING.member("Jwt AsJwt()", source="5.1")
def as_jwt(text: str) -> Jwt | None:
    return parse_jwt(text)


@STRING.member("bool TryParseJwt(out Jwt result)", source="5.1")
def try_parse_jwt(text: str) -> tuple[bool, Jwt | None]:
    found = parse_jwt(text)
    return found is not None, found


@dataclass(slots=True, frozen=True)
class Basic:
    """The user and the password of a Basic authorization."""

    user: str
    password: str = field(repr=False)


BASIC = Table("BasicAuthCredentials", (Basic,), _SPACE, bases=("object",))
BASIC.member("string UserId")(lambda basic: basic.user)
BASIC.member("string Password")(lambda basic: basic.password)


def parse_basic(text: str) -> Basic | None:
    """Parse `Basic <base64 of user:password>`, or return None for any other text."""
    scheme, _, coded = text.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(coded.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError:
        return None
    return Basic(user, password) if colon else None


@STRING.member("BasicAuthCredentials AsBasic()", source="5.1")
def as_basic(text: str) -> Basic | None:
    return parse_basic(text)


@STRING.member("bool TryParseBasic(out BasicAuthCredentials result)", source="5.1")
def try_parse_basic(text: str) -> tuple[bool, Basic | None]:
    found = parse_basic(text)
    return found is not None, found
