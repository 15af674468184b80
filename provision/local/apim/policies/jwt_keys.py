"""Keys and issuers for checking tokens: stated in the policy, or fetched from an OpenID configuration."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Any

import jwt

from provision.local.apim.context import Body, Headers, Request
from provision.local.apim.policies.steps import Parsed, Run
from provision.local.apim.policies.targets import parse_url
from provision.local.apim.services import PolicyFault

__all__ = ["OpenIdConfig", "SigningKey", "fetch_config", "inline_key"]

CONFIG_LIFETIME_S = 3600.0
"""How long a configuration and its keys are used, in seconds."""
FETCH_TIMEOUT_S = 10.0

HMAC = ("HS256", "HS384", "HS512")
RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
EC = ("ES256", "ES384", "ES512")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key with the algorithms that it may be used for, so that a public key is never used as a shared secret."""

    id: str | None
    algorithms: tuple[str, ...]
    key: Any  # a secret's bytes or a public key object of `cryptography`: what PyJWT takes


@dataclass(frozen=True, slots=True)
class OpenIdConfig:
    issuer: str
    keys: tuple[SigningKey, ...]


def inline_key(parsed: Parsed) -> SigningKey:
    """Return the key of a `key` element: a secret in base64, or an RSA modulus and exponent. Raises PolicyError."""
    id = parsed.literal("id") or None
    modulus, exponent = parsed.literal("n"), parsed.literal("e")
    if bool(modulus) != bool(exponent):
        raise parsed.node.error("The attributes 'n' and 'e' must be specified together.")
    if modulus:
        return _rsa(parsed, id, modulus, exponent)
    text = str(getattr(parsed.text, "value", ""))
    try:
        padded = text.translate({ord("-"): "+", ord("_"): "/"}) + "=" * (-len(text) % 4)
        secret = b64decode(padded, validate=True)
    except (Base64Error, ValueError) as error:
        raise parsed.node.error("The key must be base64.") from error
    if not secret:
        raise parsed.node.error("The key is empty.")
    return SigningKey(id, HMAC, secret)


def _rsa(parsed: Parsed, id: str | None, modulus: str, exponent: str) -> SigningKey:
    try:
        return _signing_key({"kty": "RSA", "n": modulus, "e": exponent, "kid": id or ""})
    except (jwt.PyJWTError, ValueError) as error:
        raise parsed.node.error("The RSA key is not valid.") from error


def _signing_key(document: dict[str, object]) -> SigningKey:
    kind = document.get("kty")
    algorithms = {"RSA": RSA, "EC": EC}.get(str(kind))
    if algorithms is None:
        raise ValueError(f"key type {kind!r}")
    key = jwt.PyJWK({name: value for name, value in document.items() if name != "alg"}, algorithms[0]).key
    kid = document.get("kid")
    return SigningKey(kid if isinstance(kid, str) and kid else None, algorithms, key)


async def fetch_config(run: Run, url: str, source: str) -> OpenIdConfig:
    """Return the configuration at a URL and its keys, cached for an hour. Raises PolicyFault."""
    now = run.services.now()
    known, config = run.services.cache.get(("openid-config", url), now)
    if known and isinstance(config, OpenIdConfig):
        return config
    document = await _fetch(run, url, source)
    keys = await _fetch(run, str(document.get("jwks_uri")), source)
    listed = keys.get("keys")
    usable = [_usable(key) for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    config = OpenIdConfig(str(document.get("issuer", "")), tuple(key for key in usable if key is not None))
    run.services.cache.store(("openid-config", url), config, now, CONFIG_LIFETIME_S)
    return config


def _usable(document: dict[str, object]) -> SigningKey | None:
    """Return a published key, or None if it is of a kind that signs no token here."""
    try:
        return None if document.get("use") == "enc" else _signing_key(document)
    except (jwt.PyJWTError, ValueError):
        return None


async def _fetch(run: Run, url: str, source: str) -> dict[str, object]:
    target = parse_url(url, source)
    request = Request("GET", target, target, Headers([("Accept", "application/json")]), Body())
    answer = await run.services.send(request, FETCH_TIMEOUT_S)
    try:
        document = json.loads(answer.body.data or b"") if answer.status_code == 200 else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        message = f"Unable to obtain configuration from: '{url}'."
        raise PolicyFault(source, "OpenIdConfigNotAvailable", message, 500)
    return document
