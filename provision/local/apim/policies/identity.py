"""The policies authentication-managed-identity and authentication-basic."""

from __future__ import annotations

from base64 import b64encode

from provision.local.apim.context import PolicyContext
from provision.local.apim.policies.elements import Attribute, Element
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step
from provision.local.apim.policies.values import as_text
from provision.local.apim.services import PolicyFault, Services

__all__ = ["BASIC", "MANAGED_IDENTITY", "POLICIES", "IdentityToken", "basic_header"]

MANAGED_IDENTITY = Element(
    "authentication-managed-identity",
    (
        Attribute("resource", required=True, expression=True),
        Attribute("client-id"),
        Attribute("output-token-variable-name"),
        Attribute("ignore-error", "boolean"),
    ),
)
BASIC = Element(
    "authentication-basic",
    (
        Attribute("username", required=True, expression=True),
        Attribute("password", required=True, expression=True),
    ),
)


class IdentityToken:
    """Gets the token for one authentication-managed-identity, in a section or in send-request."""

    __slots__ = ("_client", "_ignore", "_resource", "reads", "variable")

    def __init__(self, parsed: Parsed) -> None:
        self._resource, self._client = parsed.required("resource"), parsed.literal("client-id") or None
        self.reads = self._resource.reads
        self._ignore = parsed.flag("ignore-error", False)
        self.variable = parsed.literal("output-token-variable-name") or None

    async def get(self, context: PolicyContext, services: Services) -> str | None:
        """Return the token, or None if there is none and errors are ignored. Raises PolicyFault."""
        try:
            return await services.token(as_text(self._resource.get(context)), self._client)
        except PolicyFault as fault:
            if self._ignore:
                return None
            fault.source = MANAGED_IDENTITY.name
            raise


class ManagedIdentity(Step):
    """Sets Authorization, or stores the bare token in a variable."""

    waits = True

    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed, parsed.value("resource"))
        self._token = IdentityToken(parsed)

    async def wait(self, run: Run) -> None:
        context = run.context
        token = await self._token.get(context, run.services)
        if token is None:
            return
        if self._token.variable is not None:
            context.variables[self._token.variable] = token
        context.request.headers.replace("Authorization", [f"Bearer {token}"])


def basic_header(parsed: Parsed, context: PolicyContext) -> str:
    user, password = (as_text(parsed.required(name).get(context)) for name in ("username", "password"))
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


class BasicAuthentication(Step):
    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed, parsed.value("username"), parsed.value("password"))
        self._parsed = parsed

    def apply(self, run: Run) -> None:
        run.context.request.headers.replace("Authorization", [basic_header(self._parsed, run.context)])


INBOUND = frozenset({"inbound"})
POLICIES = (
    Policy(
        MANAGED_IDENTITY,
        INBOUND | {"outbound"},
        "PR-authentication-managed-identity",
        ManagedIdentity,
        note="documented for inbound only; public policies also use it in outbound, to get a token in a variable",
    ),
    Policy(BASIC, INBOUND, "PR-authentication-basic", BasicAuthentication),
)
