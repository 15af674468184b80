"""check-header, ip-filter, cors, validate-jwt and validate-azure-ad-token."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from provision.local.apim.context import PolicyContext, Request, Response
from tests.provision.local.apim.policies.harness import Gateway, answer, context, pipeline, policy


async def run(text: str, on: PolicyContext | None = None, gateway: Gateway | None = None) -> PolicyContext:
    visit = context() if on is None else on
    await pipeline(text).run(visit, Gateway() if gateway is None else gateway)
    assert visit.response is not None
    return visit


def outcome(visit: PolicyContext) -> tuple[int, str | None]:
    """The status, and the reason of the fault if there was one."""
    assert visit.response is not None
    return visit.response.status_code, None if visit.last_error is None else visit.last_error.reason


# check-header

CHECK = (
    '<check-header name="X" failed-check-httpcode="418" failed-check-error-message="No." ignore-case="{}">'
    "{}</check-header>"
)


@pytest.mark.parametrize(
    ("header", "ignore", "expected"),
    [
        (None, "true", (418, "HeaderNotFound")),
        ("a", "true", (200, None)),
        ("A", "true", (200, None)),
        ("A", "false", (418, "HeaderValueNotAllowed")),
        ("c", "true", (418, "HeaderValueNotAllowed")),
    ],
)
async def test_check_header_wants_one_of_its_values(
    header: str | None, ignore: str, expected: tuple[int, str | None]
) -> None:
    visit = context() if header is None else context(x=header)
    await run(policy(CHECK.format(ignore, "<value>a</value><value>b</value>")), visit)
    assert outcome(visit) == expected
    if expected[1] is not None:
        assert visit.response is not None
        assert visit.response.body.data == b'{ "statusCode": 418, "message": "No." }'


async def test_check_header_without_values_wants_the_header_only() -> None:
    assert outcome(await run(policy(CHECK.format("true", "")), context(x="any"))) == (200, None)


# ip-filter

RANGES = "<address>10.0.0.1</address><address>192.168.0.0/16</address><address-range from='1.1.1.1' to='1.1.2.0' />"


@pytest.mark.parametrize(
    ("caller", "listed"),
    [("10.0.0.1", True), ("192.168.9.9", True), ("1.1.1.255", True), ("1.1.2.1", False), ("::1", False)],
)
async def test_ip_filter_allows_or_forbids_who_is_listed(caller: str, listed: bool) -> None:
    visit = context()
    visit.request.ip_address = caller
    await run(policy(f'<ip-filter action="allow">{RANGES}</ip-filter>'), visit)
    assert outcome(visit) == ((200, None) if listed else (403, "CallerIpNotAllowed"))
    other = context()
    other.request.ip_address = caller
    await run(policy(f'<ip-filter action="forbid">{RANGES}</ip-filter>'), other)
    assert outcome(other) == ((403, "CallerIpBlocked") if listed else (200, None))


# cors

CORS = (
    '<cors allow-credentials="{}"{}><allowed-origins><origin>https://app</origin></allowed-origins>'
    '<allowed-methods preflight-result-max-age="60"><method>GET</method></allowed-methods>'
    "<allowed-headers><header>x-a</header></allowed-headers>"
    "<expose-headers><header>x-b</header></expose-headers></cors>"
)


def preflight(origin: str = "https://app", method: str = "GET", headers: str = "X-A") -> PolicyContext:
    asked = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": headers}
    return context(method="OPTIONS", Origin=origin, **asked)


async def test_a_preflight_is_answered_by_cors_alone() -> None:
    gateway = Gateway()
    visit = await run(policy(CORS.format("true", "")), preflight(), gateway)
    assert visit.response is not None
    assert dict(visit.response.headers) == {
        "Access-Control-Allow-Origin": "https://app",
        "Vary": "Origin",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Headers": "X-A",
        "Access-Control-Max-Age": "60",
    }
    assert gateway.forwarded == []


@pytest.mark.parametrize("visit", [preflight(origin="https://evil"), preflight(method="PUT"), preflight(headers="x-z")])
async def test_a_preflight_that_does_not_match_gets_an_empty_200(visit: PolicyContext) -> None:
    gateway = Gateway()
    await run(policy(CORS.format("true", "")), visit, gateway)
    assert outcome(visit) == (200, None)
    assert visit.response is not None
    assert list(visit.response.headers) == []
    assert gateway.forwarded == []


async def test_an_actual_request_passes_and_its_answer_is_marked_even_when_it_is_an_error() -> None:
    broken = '<set-header name="a"><value>@(1 / int.Parse("0"))</value></set-header>'
    for extra, status in (("", 200), (broken, 500)):
        visit = await run(policy(CORS.format("false", "") + extra), context(Origin="https://app"))
        assert visit.response is not None
        assert visit.response.status_code == status
        assert visit.response.headers.get("Access-Control-Allow-Origin") == "https://app"
        assert visit.response.headers.get("Access-Control-Expose-Headers") == "x-b"


@pytest.mark.parametrize(("terminate", "calls"), [("", 0), (' terminate-unmatched-request="false"', 1)])
async def test_an_unmatched_request_ends_unless_told_to_go_on(terminate: str, calls: int) -> None:
    gateway = Gateway()
    visit = await run(policy(CORS.format("false", terminate)), context(Origin="https://evil"), gateway)
    assert len(gateway.forwarded) == calls
    assert visit.response is not None
    assert "Access-Control-Allow-Origin" not in visit.response.headers


def test_a_preflight_can_be_answered_by_cors_alone_without_a_key() -> None:
    visit = preflight()
    assert pipeline(policy("<set-method>PUT</set-method>" + CORS.format("false", ""))).preflight(visit, Gateway())
    assert visit.request.method == "OPTIONS"
    assert visit.response is not None
    assert visit.response.headers.get("Access-Control-Allow-Origin") == "https://app"
    assert not pipeline(policy()).preflight(preflight(), Gateway())


# validate-jwt

SECRET = b"a secret that is long enough for HS256!!"
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
JWK: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(PRIVATE.public_key())) | {"kid": "k1", "use": "sig"}
CLAIMS: dict[str, object] = {
    "iss": "me",
    "aud": "you",
    "exp": datetime.now(UTC) + timedelta(hours=1),
    "roles": ["a", "b"],
}


def hmac(**changes: object) -> str:
    return jwt.encode(
        {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}, SECRET, "HS256"
    )


def validator(children: str = "", attributes: str = 'header-name="Authorization"') -> str:
    keys = f"<issuer-signing-keys><key>{b64encode(SECRET).decode()}</key></issuer-signing-keys>"
    return policy(f"<validate-jwt {attributes}>{keys}{children}</validate-jwt>")


STRICT = (
    "<audiences><audience>you</audience></audiences><issuers><issuer>me</issuer></issuers>"
    '<required-claims><claim name="roles" match="any"><value>b</value><value>z</value></claim></required-claims>'
)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (hmac(), None),
        (None, "TokenNotPresent"),
        ("rubbish", "JwtInvalid"),
        (hmac(exp=datetime.now(UTC) - timedelta(seconds=9)), "TokenExpired"),
        (hmac(exp=None), "JwtInvalid"),
        (hmac(aud="them"), "TokenAudienceNotAllowed"),
        (hmac(aud=["them", "you"]), None),
        (hmac(iss="them"), "TokenIssuerNotAllowed"),
        (hmac(roles=None), "TokenClaimNotFound"),
        (hmac(roles=["c"]), "TokenClaimValueNotAllowed"),
        (jwt.encode(CLAIMS, b"another secret that is long enough for it", "HS256"), "TokenSignatureInvalid"),
        (jwt.encode(CLAIMS, None, "none"), "TokenSignatureInvalid"),
    ],
)
async def test_validate_jwt_accepts_only_what_it_should(token: str | None, reason: str | None) -> None:
    visit = context() if token is None else context(Authorization=f"Bearer {token}")
    await run(validator(STRICT), visit)
    assert outcome(visit) == ((200, None) if reason is None else (401, reason))


@pytest.mark.parametrize(
    ("attributes", "token", "status"),
    [
        ('header-name="Authorization" clock-skew="86400"', hmac(exp=datetime.now(UTC) - timedelta(seconds=9)), 200),
        ('header-name="Authorization" require-expiration-time="false"', hmac(exp=None), 200),
        ('header-name="Authorization" require-scheme="Bearer"', hmac(), 200),
        ('header-name="Authorization" require-scheme="DPoP"', hmac(), 401),
        ('header-name="Authorization" failed-validation-httpcode="403"', "x", 403),
    ],
)
async def test_the_attributes_of_validate_jwt_change_what_it_accepts(attributes: str, token: str, status: int) -> None:
    assert outcome(await run(validator(attributes=attributes), context(Authorization=f"Bearer {token}")))[0] == status


async def test_the_token_can_come_from_the_query_or_an_expression() -> None:
    by_query = validator(attributes='query-parameter-name="t"')
    by_value = validator(attributes='token-value="@(context.Request.Headers.GetValueOrDefault(&quot;X&quot;))"')
    assert outcome(await run(by_query, context(query=f"t={hmac()}"))) == (200, None)
    assert outcome(await run(by_value, context(X=hmac()))) == (200, None)


async def test_the_refusals_text_is_the_policys() -> None:
    text = validator(attributes='header-name="Authorization" failed-validation-error-message="Go away."')
    visit = await run(text)
    assert visit.response is not None
    assert visit.response.body.data == b'{ "statusCode": 401, "message": "Go away." }'
    assert visit.last_error is not None
    assert visit.last_error.message == "JWT not present."


async def test_a_validated_token_can_be_read_by_expressions() -> None:
    attributes = 'header-name="Authorization" output-token-variable-name="jwt"'
    reads = '<set-variable name="aud" value="@(((Jwt)context.Variables[&quot;jwt&quot;]).Audiences.First())" />'
    text = validator(attributes=attributes).replace("</validate-jwt>", f"</validate-jwt>{reads}")
    visit = await run(text, context(Authorization=f"Bearer {hmac()}"))
    assert visit.last_error is None
    assert visit.variables["aud"] == "you"


def openid(issuer: str = "me") -> Gateway:
    """A gateway that reaches a token issuer with one RSA key."""
    gateway = Gateway()

    def send(request: Request) -> Response:
        if request.url.path.endswith("/keys"):
            return answer(200, json.dumps({"keys": [JWK, {"kty": "oct", "k": "AA"}]}).encode())
        return answer(200, json.dumps({"issuer": issuer, "jwks_uri": "https://login/keys"}).encode())

    gateway.send_with = send
    return gateway


def signed(**changes: object) -> str:
    return jwt.encode({**CLAIMS, **changes}, PRIVATE, "RS256", headers={"kid": "k1"})


BY_CONFIG = policy(
    '<validate-jwt header-name="Authorization"><openid-config url="https://login/openid" /></validate-jwt>'
)


async def test_keys_and_issuer_come_from_the_openid_configuration_once_an_hour() -> None:
    gateway = openid()
    for _ in range(2):
        visit = await run(BY_CONFIG, context(Authorization=f"Bearer {signed()}"), gateway)
        assert outcome(visit) == (200, None)
    assert [str(request.url) for request in gateway.sent] == ["https://login/openid", "https://login/keys"]
    gateway.clock += 3600
    await run(BY_CONFIG, context(Authorization=f"Bearer {signed()}"), gateway)
    assert len(gateway.sent) == 4


async def test_another_issuer_than_the_configurations_is_refused() -> None:
    visit = await run(BY_CONFIG, context(Authorization=f"Bearer {signed(iss='x')}"), openid())
    assert outcome(visit) == (401, "TokenIssuerNotAllowed")


async def test_a_public_key_never_serves_as_a_secret() -> None:
    public = jwt.algorithms.RSAAlgorithm.from_jwk(JWK)
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[union-attr]  # public
    head = jwt.utils.base64url_encode(b'{"alg":"HS256","kid":"k1"}')
    claims = {**CLAIMS, "exp": int(datetime.now(UTC).timestamp()) + 60}
    body = jwt.utils.base64url_encode(json.dumps(claims).encode())
    import hmac as standard

    mark = standard.digest(pem, head + b"." + body, "sha256")
    forged = b".".join((head, body, jwt.utils.base64url_encode(mark))).decode()
    visit = await run(BY_CONFIG, context(Authorization=f"Bearer {forged}"), openid())
    assert outcome(visit) == (401, "TokenSignatureInvalid")


async def test_a_configuration_that_cannot_be_had_is_our_error_not_the_callers() -> None:
    gateway = Gateway()
    gateway.send_with = lambda request: answer(404)
    visit = await run(BY_CONFIG, context(Authorization=f"Bearer {signed()}"), gateway)
    assert outcome(visit) == (500, "OpenIdConfigNotAvailable")


# validate-azure-ad-token

ENTRA = policy(
    '<validate-azure-ad-token tenant-id="tid"><client-application-ids><application-id>app</application-id>'
    "</client-application-ids><audiences><audience>you</audience></audiences></validate-azure-ad-token>"
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"azp": "app", "tid": "tid", "iss": "https://login/tid/v2.0"}, (200, None)),
        ({"appid": "app", "tid": "tid", "iss": "https://sts.windows.net/tid/"}, (200, None)),
        ({"azp": "other", "tid": "tid", "iss": "https://login/tid/v2.0"}, (401, "TokenClaimValueNotAllowed")),
        ({"azp": "app", "tid": "tid", "iss": "https://evil/"}, (401, "TokenIssuerNotAllowed")),
        ({"azp": "app", "aud": "x", "tid": "tid", "iss": "https://login/tid/v2.0"}, (401, "TokenAudienceNotAllowed")),
    ],
)
async def test_entra_tokens_are_held_to_tenant_application_and_audience(
    changes: dict[str, object], expected: tuple[int, str | None]
) -> None:
    gateway = openid("https://login/tid/v2.0")
    visit = await run(ENTRA, context(Authorization=f"Bearer {signed(**changes)}"), gateway)
    assert outcome(visit) == expected
    assert str(gateway.sent[0].url) == "https://login.microsoftonline.com/tid/v2.0/.well-known/openid-configuration"
