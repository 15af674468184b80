"""The policies validate-jwt and validate-azure-ad-token."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import jwt
from jwt.types import Options

from provision.local.apim.context import PolicyContext
from provision.local.apim.expressions.library.jwt import parse_jwt
from provision.local.apim.policies.answers import error_response
from provision.local.apim.policies.elements import Attribute, Child, Element
from provision.local.apim.policies.jwt_keys import OpenIdConfig, SigningKey, fetch_config, inline_key
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step, reads_of
from provision.local.apim.policies.values import Value, as_boolean, as_integer, as_text
from provision.local.apim.services import PolicyFault

__all__ = ["POLICIES"]

LOGIN = "https://login.microsoftonline.com"
ANY_TENANT = frozenset({"common", "organizations", "consumers"})
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Claims = dict[str, object]


def _list(name: str, item: str) -> Child:
    return Child(Element(name, children=(Child(Element(item, text="expression"), 1, None),)))


CLAIM = Element(
    "claim",
    (
        Attribute("name", required=True),
        Attribute("match", expression=True, choices=("all", "any")),
        Attribute("separator"),
    ),
    (Child(Element("value", text="expression"), 0, None),),
)
REQUIRED_CLAIMS = Child(Element("required-claims", children=(Child(CLAIM, 1, None),)))
KEY = Element(
    "key",
    (Attribute("id"), Attribute("certificate-id", here="refused"), Attribute("n"), Attribute("e")),
    text="literal",
)
DECRYPTION = Child(Element("decryption-keys", refused=True))
_SOURCE = (
    Attribute("header-name", expression=True),
    Attribute("query-parameter-name", expression=True),
    Attribute("token-value", expression=True),
    Attribute("failed-validation-httpcode", "integer", expression=True, least=100, most=999),
    Attribute("failed-validation-error-message", expression=True),
    Attribute("output-token-variable-name"),
)
VALIDATE_JWT = Element(
    "validate-jwt",
    (
        *_SOURCE,
        Attribute("require-expiration-time", "boolean", expression=True),
        Attribute("require-scheme", expression=True),
        Attribute("require-signed-tokens", "boolean", expression=True),
        Attribute("clock-skew", "integer", expression=True, least=0),
    ),
    (
        Child(Element("openid-config", (Attribute("url", required=True, expression=True),)), 0, None),
        Child(Element("issuer-signing-keys", children=(Child(KEY, 1, None),))),
        DECRYPTION,
        _list("audiences", "audience"),
        _list("issuers", "issuer"),
        REQUIRED_CLAIMS,
    ),
    ordered=True,
)
VALIDATE_AAD = Element(
    "validate-azure-ad-token",
    (Attribute("tenant-id", required=True, expression=True), *_SOURCE, Attribute("authentication-endpoint")),
    (
        _list("client-application-ids", "application-id"),
        _list("backend-application-ids", "application-id"),
        _list("audiences", "audience"),
        REQUIRED_CLAIMS,
        DECRYPTION,
    ),
)


class _Refused(Exception):
    """Raised for a token that is not accepted, with LastError's reason and message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class _Claim:
    """A claim that is required, with all or any of its values."""

    def __init__(self, parsed: Parsed) -> None:
        self.name, self._separator = parsed.literal("name"), parsed.literal("separator")
        self._match = parsed.value("match")
        self._values = [child.text for child in parsed.named("value") if child.text is not None]
        self.reads = reads_of((self._match, *self._values))

    def check(self, claims: Claims, context: PolicyContext) -> None:
        if self.name not in claims:
            message = f"JWT token is missing the following claims: {self.name}. Access denied."
            raise _Refused("TokenClaimNotFound", message)
        wanted = [as_text(value.get(context)) for value in self._values]
        found = self._found(claims[self.name])
        every = self._match is None or as_text(self._match.get(context)) != "any"
        hits = [value in found for value in wanted]
        if wanted and not (all(hits) if every else any(hits)):
            message = f"Claim {self.name} value of {','.join(found)} is not allowed. Access denied."
            raise _Refused("TokenClaimValueNotAllowed", message)

    def _found(self, claim: object) -> list[str]:
        values = [as_text(value) for value in claim] if isinstance(claim, list) else [as_text(claim)]
        return [part for value in values for part in value.split(self._separator)] if self._separator else values


class _Validator(Step, ABC):
    """The part that both policies share: where the token is, how it is checked, and the answer to a refused one."""

    waits = True

    def __init__(self, parsed: Parsed, *values: Value | None) -> None:
        self._header, self._query = parsed.value("header-name"), parsed.value("query-parameter-name")
        self._token, self._status = parsed.value("token-value"), parsed.value("failed-validation-httpcode")
        self._message = parsed.value("failed-validation-error-message")
        self._output = parsed.literal("output-token-variable-name") or None
        self._audiences = _texts(parsed, "audiences", "audience")
        group = parsed.first("required-claims")
        self._claims = [] if group is None else [_Claim(child) for child in group.named("claim")]
        own = (self._header, self._query, self._token, self._status, self._message)
        super().__init__(parsed, *own, *self._audiences, *values)
        self.reads |= reads_of(self._claims)

    async def wait(self, run: Run) -> None:
        try:
            token = self._find(run.context)
            claims = await self.validate(run, token)
            for claim in self._claims:
                claim.check(claims, run.context)
        except _Refused as refused:
            raise self._fault(run.context, refused) from refused
        if self._output is not None:
            run.context.variables[self._output] = parse_jwt(token)

    @abstractmethod
    async def validate(self, run: Run, token: str) -> Claims:
        """Return the claims of an accepted token. Raises _Refused."""

    def scheme(self, context: PolicyContext) -> str | None:
        """The authorization scheme that the header must have. None: any or none."""
        return None

    def _find(self, context: PolicyContext) -> str:
        if self._token is not None:
            text: str | None = as_text(self._token.get(context))
        elif self._query is not None:
            values = context.request.url.parameters().get(as_text(self._query.get(context)), [])
            text = values[0] if values else None
        else:
            name = "Authorization" if self._header is None else as_text(self._header.get(context))
            text = context.request.headers.get(name)
        if not text:
            raise _Refused("TokenNotPresent", "JWT not present.")
        return self._bare(text.strip(), context)

    def _bare(self, text: str, context: PolicyContext) -> str:
        """Return the token without its scheme."""
        wanted = self.scheme(context)
        scheme, _, rest = text.rpartition(" ")
        if wanted and scheme.strip().lower() != wanted.lower():
            raise _Refused("TokenNotPresent", f"JWT not present with scheme {wanted}.")
        return rest

    def _fault(self, context: PolicyContext, refused: _Refused) -> PolicyFault:
        status = 401 if self._status is None else as_integer(self._status.get(context))
        message = refused.message if self._message is None else as_text(self._message.get(context))
        return PolicyFault(self.name, refused.reason, refused.message, status, response=error_response(status, message))

    def verify(
        self, token: str, keys: Sequence[SigningKey], context: PolicyContext, *, leeway: int = 0, needs_exp: bool = True
    ) -> Claims:
        """Check signature, lifetime and audience. Raises _Refused."""
        claims = _signed_claims(token, keys, leeway, needs_exp)
        audiences = [as_text(value.get(context)) for value in self._audiences]
        held = claims.get("aud")
        named = {as_text(value) for value in (held if isinstance(held, list) else [held])}
        if audiences and not named & set(audiences):
            raise _Refused("TokenAudienceNotAllowed", "IDX10214: Audience validation failed. Access denied.")
        return claims


def _signed_claims(token: str, keys: Sequence[SigningKey], leeway: int, needs_exp: bool) -> Claims:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise _Refused("JwtInvalid", f"{error}. Access denied.") from error
    kid, algorithm = header.get("kid"), header.get("alg")
    usable = [key for key in keys if algorithm in key.algorithms and (key.id is None or kid is None or key.id == kid)]
    options: Options = {"verify_aud": False, "require": ["exp"] if needs_exp else []}
    for key in usable:
        try:
            return dict(jwt.decode(token, key.key, [str(algorithm)], options, leeway=leeway))
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError as error:
            raise _Refused("TokenExpired", "IDX10223: Lifetime validation failed. The token is expired.") from error
        except jwt.PyJWTError as error:
            raise _Refused("JwtInvalid", f"{error}. Access denied.") from error
    raise _Refused("TokenSignatureInvalid", "IDX10503: Signature validation failed. Access denied.")


def _unsigned_claims(token: str, needs_exp: bool) -> Claims:
    options: Options = {"verify_signature": False, "verify_exp": True, "require": ["exp"] if needs_exp else []}
    try:
        return dict(jwt.decode(token, options=options))
    except jwt.ExpiredSignatureError as error:
        raise _Refused("TokenExpired", "IDX10223: Lifetime validation failed. The token is expired.") from error
    except jwt.PyJWTError as error:
        raise _Refused("JwtInvalid", f"{error}. Access denied.") from error


def _check_issuer(claims: Claims, issuers: Iterable[str]) -> None:
    tenant = as_text(claims.get("tid"))
    allowed = {issuer.replace("{tenantid}", tenant).rstrip("/") for issuer in issuers if issuer}
    if allowed and as_text(claims.get("iss")).rstrip("/") not in allowed:
        raise _Refused("TokenIssuerNotAllowed", "IDX10205: Issuer validation failed. Access denied.")


class ValidateJwt(_Validator):
    def __init__(self, parsed: Parsed) -> None:
        self._scheme, self._needs_exp = parsed.value("require-scheme"), parsed.value("require-expiration-time")
        self._signed, self._skew = parsed.value("require-signed-tokens"), parsed.value("clock-skew")
        self._issuers = _texts(parsed, "issuers", "issuer")
        self._configs = [child.required("url") for child in parsed.named("openid-config")]
        group = parsed.first("issuer-signing-keys")
        self._keys = [] if group is None else [inline_key(child) for child in group.named("key")]
        super().__init__(
            parsed, self._scheme, self._needs_exp, self._signed, self._skew, *self._issuers, *self._configs
        )
        _check_source(parsed)
        unsigned = self._signed is not None and not parsed.flag("require-signed-tokens", True)
        if not self._configs and not self._keys and not unsigned:
            raise parsed.node.error("At least one 'openid-config' or 'issuer-signing-keys' must be specified.")

    def scheme(self, context: PolicyContext) -> str | None:
        return None if self._scheme is None else as_text(self._scheme.get(context))

    async def validate(self, run: Run, token: str) -> Claims:
        context = run.context
        needs_exp = self._needs_exp is None or as_boolean(self._needs_exp.get(context))
        configs = [await fetch_config(run, as_text(url.get(context)), self.name) for url in self._configs]
        keys = [*self._keys, *(key for config in configs for key in config.keys)]
        signed = self._signed is None or as_boolean(self._signed.get(context))
        if not signed and not keys:
            claims = _unsigned_claims(token, needs_exp)
        else:
            leeway = 0 if self._skew is None else as_integer(self._skew.get(context))
            claims = self.verify(token, keys, context, leeway=leeway, needs_exp=needs_exp)
        issuers = [as_text(value.get(context)) for value in self._issuers]
        _check_issuer(claims, [*issuers, *(config.issuer for config in configs)])
        return claims


class ValidateAzureAdToken(_Validator):
    def __init__(self, parsed: Parsed) -> None:
        self._tenant = parsed.required("tenant-id")
        self._clients = _texts(parsed, "client-application-ids", "application-id")
        self._backends = _texts(parsed, "backend-application-ids", "application-id")
        self._endpoint = parsed.literal("authentication-endpoint", LOGIN).rstrip("/")
        super().__init__(parsed, self._tenant, *self._clients, *self._backends)
        _check_source(parsed, needed=False)

    def scheme(self, context: PolicyContext) -> str | None:
        return "Bearer" if self._token is None and self._query is None and self._header is None else None

    async def validate(self, run: Run, token: str) -> Claims:
        context = run.context
        tenant = as_text(self._tenant.get(context))
        url = f"{self._endpoint}/{tenant}/v2.0/.well-known/openid-configuration"
        config = await fetch_config(run, url, self.name)
        claims = self.verify(token, config.keys, context)
        _check_issuer(claims, _entra_issuers(config, tenant, as_text(claims.get("tid"))))
        self._check_application(claims, self._clients, ("azp", "appid"), context)
        self._check_application(claims, self._backends, ("aud",), context)
        return claims

    def _check_application(
        self, claims: Claims, allowed: Sequence[Value], names: Sequence[str], context: PolicyContext
    ) -> None:
        wanted = {as_text(value.get(context)).lower() for value in allowed}
        held = {as_text(claims.get(name)).lower().removeprefix("api://") for name in names if name in claims}
        if wanted and not wanted & held:
            message = f"Claim {names[0]} value is not allowed. Access denied."
            raise _Refused("TokenClaimValueNotAllowed", message)


def _entra_issuers(config: OpenIdConfig, tenant: str, held: str) -> list[str]:
    """Return the accepted issuers: the configuration's, and that of version 1 tokens, for the policy's tenant.

    Entra signs the tokens of all tenants with the same keys, so only the issuer excludes other tenants. `held`: the
    token's own tenant, which is used only if the policy accepts any tenant.
    """
    if tenant.lower() in ANY_TENANT:
        return [config.issuer.replace("{tenantid}", held), f"https://sts.windows.net/{held}/"]
    if _GUID.fullmatch(tenant):
        named = [config.issuer] if tenant.lower() in config.issuer.lower() else []
        return [*named, f"https://sts.windows.net/{tenant.lower()}/"]
    return [config.issuer, f"https://sts.windows.net/{_tenant_of(config.issuer)}/"]


def _tenant_of(issuer: str) -> str:
    """Return the tenant id in an issuer's URL, because a policy may name the tenant by its domain."""
    return urlsplit(issuer).path.strip("/").partition("/")[0]


def _texts(parsed: Parsed, group: str, name: str) -> list[Value]:
    found = parsed.first(group)
    return [] if found is None else [child.text for child in found.named(name) if child.text is not None]


def _check_source(parsed: Parsed, *, needed: bool = True) -> None:
    names = ("header-name", "query-parameter-name", "token-value")
    given = [name for name in names if parsed.value(name) is not None]
    if len(given) > 1 or (needed and not given):
        raise parsed.node.error(f"Exactly one of {', '.join(names)} must be specified.")


INBOUND = frozenset({"inbound"})
POLICIES = (
    Policy(VALIDATE_JWT, INBOUND, "PR-validate-jwt", ValidateJwt),
    Policy(VALIDATE_AAD, INBOUND, "PR-validate-azure-ad-token", ValidateAzureAdToken),
)
