"""Check who may call an account: callers with one of its keys, or with a token of a principal with a fitting role."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable

import jwt

from provision.local.mock.errors import ApiError, service_error, wrong_key, wrong_token
from provision.local.mock.snapshot import Account, RoleAssignment

__all__ = ["Access"]

AUDIENCES = frozenset({"https://cognitiveservices.azure.com", "https://ai.azure.com"})

# Built-in roles with the data actions of inference, which Owner and Contributor lack.
ROLES = frozenset(
    {
        "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",  # Cognitive Services OpenAI User
        "a001fd3d-188f-4b5d-821b-7da978bf7442",  # Cognitive Services OpenAI Contributor
        "a97b65f3-24c7-4388-baec-2e87135dc908",  # Cognitive Services User
        "64702f94-c441-49e6-a78b-ef80e0188fee",  # Azure AI Developer
        "53ca6127-db72-4b80-b1b0-d745d6d5456d",  # Azure AI User
    }
)
MOST_TOKENS = 1024


class Access:
    """Checks credentials. A token's signature is verified once and remembered until it expires."""

    def __init__(
        self, token_key: str | None, assignments: Iterable[RoleAssignment], unix_time: Callable[[], float]
    ) -> None:
        self._token_key = token_key
        self._unix_time = unix_time
        self._scopes: dict[str, list[str]] = {}
        self._known: dict[str, tuple[str, float]] = {}
        for assignment in assignments:
            if assignment.role_definition_id.rsplit("/", 1)[-1].lower() in ROLES:
                scopes = self._scopes.setdefault(assignment.principal_id.lower(), [])
                scopes.append(assignment.scope.rstrip("/").lower() + "/")

    def check(
        self, account: Account, key: str | None, authorization: str | None, action: str, method: str, path: str
    ) -> None:
        """Raise ApiError 401 unless the credential gives access to `account`. A bearer token is used before a key."""
        if authorization is not None and authorization[:7].lower() == "bearer ":
            principal = self._principal(authorization[7:].strip())
            resource = account.resource_id.lower() + "/"
            if not any(resource.startswith(scope) for scope in self._scopes.get(principal.lower(), ())):
                raise _permission_denied(principal, action, method, path)
        elif key is None or not any(hmac.compare_digest(key.encode(), known.encode()) for known in account.keys):
            raise wrong_key()

    def _principal(self, token: str) -> str:
        """Return the object id of a valid token's principal. Raises ApiError 401."""
        known = self._known.get(token)
        if known is None or known[1] <= self._unix_time():
            known = self._verified(token)
            if len(self._known) >= MOST_TOKENS:
                self._known.clear()
            self._known[token] = known
        return known[0]

    def _verified(self, token: str) -> tuple[str, float]:
        if self._token_key is None:
            raise wrong_token()
        options = {"verify_aud": False, "verify_exp": False, "require": ["exp", "oid", "aud"]}
        try:
            claims = jwt.decode(token, self._token_key, algorithms=["RS256"], options=options)  # type: ignore[arg-type]  # typed as its own TypedDict
            principal, expires, audience = str(claims["oid"]), float(claims["exp"]), str(claims["aud"])
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise wrong_token() from None
        if expires <= self._unix_time() or audience.rstrip("/") not in AUDIENCES:
            raise wrong_token()
        return principal, expires


def _permission_denied(principal: str, action: str, method: str, path: str) -> ApiError:
    return service_error(
        401,
        "PermissionDenied",
        f"The principal `{principal}` lacks the required data action "
        f"`Microsoft.CognitiveServices/accounts/OpenAI/{action}` to perform `{method} {path}` operation.",
    )
