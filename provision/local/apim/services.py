"""The interface between policies and the gateway around them, and the fault that ends a section.

The pipeline decides, and a `Services` acts. The gateway unit implements it, and tests pass their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Protocol

from provision.local.apim.context import PolicyContext, Request, Response

if TYPE_CHECKING:
    from provision.local.apim.policies.state import Counters, ValueCache
    from tripcurve.lab.local_options import LocalOptions

__all__ = ["ForwardOptions", "PolicyFault", "Services"]


@dataclass(frozen=True, slots=True)
class ForwardOptions:
    """The attributes of one forward-request [PR-forward-request], with expressions evaluated."""

    timeout_s: float = 300.0
    """The longest time to wait for the response's head, in seconds. 0 means no time: the call times out at once."""
    follow_redirects: bool = False
    buffer_request_body: bool = False
    """Whether to keep the request's body, so that a later attempt can send it again."""
    read_response_body: bool = False
    """Whether a policy of this pipeline reads the response's body, which must then be complete before returning."""


class PolicyFault(Exception):
    """A policy failed: the section ends and on-error runs [D-ERR].

    `source`, `reason` and `message` become LastError's. `status` is what the client gets unless
    on-error changes it, with `message` as its body's; None: 500 and "Internal server error".
    `headers` are set on that answer. `response`, when given, is the whole answer. `answered` says that
    `context.response` is already what on-error shall see, even None: faults of `Services.forward`. `outbound` says that
    outbound runs instead of on-error, with that response.
    Section, scope, path and policy id, and a source left empty, are filled in by the pipeline as the fault rises.
    """

    def __init__(
        self,
        source: str,
        reason: str,
        message: str,
        status: int | None = None,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        response: Response | None = None,
        answered: bool = False,
        outbound: bool = False,
    ) -> None:
        super().__init__(message)
        self.source, self.reason, self.message = source, reason, message
        self.status, self.headers, self.response, self.answered = status, headers, response, answered
        self.outbound = outbound
        self.scope: str | None = None
        self.section: str | None = None
        self.path: str | None = None
        self.policy_id: str | None = None

    @property
    def located(self) -> bool:
        """Whether the policy that failed is already known."""
        return self.path is not None


class Services(Protocol):
    """The gateway as policies see it. `now` is in monotonic seconds; `utcnow` is only for dates."""

    @property
    def options(self) -> LocalOptions: ...

    @property
    def sku(self) -> str:
        """ARM's name of the service's tier, such as BasicV2; empty if unknown."""
        ...

    @property
    def random(self) -> Random: ...

    @property
    def cache(self) -> ValueCache: ...

    @property
    def counters(self) -> Counters: ...

    def now(self) -> float: ...

    def utcnow(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...

    async def token(self, resource: str, client_id: str | None) -> str:
        """Return an access token of the service's identity. Raises PolicyFault if there is none."""
        ...

    async def forward(self, context: PolicyContext, options: ForwardOptions) -> None:
        """Call the backend that `context.backend` or the request's URL names, and set `context.response`.

        Raises PolicyFault (source forward-request, `answered`) if there is no response or the breaker is open.
        `context.response` is then the response that policies in retry and on-error see: the 503, a synthetic 500, or
        None.
        """
        ...

    async def send(self, request: Request, timeout_s: float) -> Response:
        """Make a call of a policy's own (send-request, OpenID configuration) and read the response's body. Raises
        PolicyFault.
        """
        ...

    def record(self, kind: str, data: dict[str, object]) -> None:
        """Log the data that a telemetry policy would send to Azure, so that a run can show it."""
        ...
