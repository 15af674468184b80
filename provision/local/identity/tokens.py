"""Access tokens of the local tenant: RS256 JWTs, signed with a key that is new for each process."""

from __future__ import annotations

import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["LIFETIME_S", "TokenIssuer", "TokenRefused"]

LIFETIME_S = 3600
KEY_ID = "local"


class TokenRefused(Exception):
    """A token is refused; `code` is ARM's error code for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TokenIssuer:
    """Mints and checks access tokens. `issuer` is the tenant's URL, as in Entra's v1 tokens."""

    def __init__(self, issuer: str, tenant_id: str) -> None:
        self.issuer = issuer
        self._tenant_id = tenant_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_pem(self) -> str:
        """Return the public key in PEM, for processes that check tokens themselves."""
        public = self._key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def mint(self, audience: str, object_id: str, client_id: str, lifetime_s: int = LIFETIME_S) -> tuple[str, int]:
        """Return a new token for one principal and audience, and the unix second at which it expires."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now - 5,
            "exp": now + lifetime_s,
            "oid": object_id,
            "sub": object_id,
            "appid": client_id,
            "tid": self._tenant_id,
            "idtyp": "app",
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID}), now + lifetime_s

    def check(self, token: str, audiences: set[str]) -> dict[str, Any]:
        """Return the claims of a valid token. Raises TokenRefused with ARM's code for the fault."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                issuer=self.issuer,
                options={"verify_aud": False, "require": ["exp", "oid", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused("ExpiredAuthenticationToken", "The access token has expired.") from None
        except jwt.InvalidIssuerError:
            raise TokenRefused(
                "InvalidAuthenticationTokenTenant", f"The access token is from the wrong issuer; wanted {self.issuer}."
            ) from None
        except jwt.InvalidTokenError:
            raise TokenRefused("InvalidAuthenticationToken", "The access token is invalid.") from None
        if str(claims["aud"]).rstrip("/") not in audiences:
            raise TokenRefused(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. "
                f"It should exactly match with one of the allowed audiences {sorted(audiences)}.",
            )
        return claims
