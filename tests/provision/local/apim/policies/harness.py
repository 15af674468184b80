"""A gateway for policies to run in: its backend answers from a script, its clock is turned by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from provision.local.apim.context import (
    Api,
    Body,
    Deployment,
    Headers,
    Operation,
    PolicyContext,
    Product,
    Request,
    Response,
    Subscription,
    Url,
)
from provision.local.apim.policies import (
    DEFAULT_GLOBAL,
    Counters,
    Pipeline,
    PolicyError,
    ValueCache,
    compile_document,
)
from provision.local.apim.services import ForwardOptions, PolicyFault
from tripcurve.lab.local_options import LocalOptions

__all__ = [
    "BROKEN",
    "Gateway",
    "answer",
    "context",
    "faults",
    "mark",
    "pipeline",
    "policy",
    "run",
    "unanswered",
]

BROKEN = '<set-variable name="x" value="@((string)context.Variables[&quot;absent&quot;])" />'
"""A policy whose expression throws."""
EPOCH = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Response:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Response(status, "", Headers(pairs), Body(body))


def unanswered(reason: str = "BackendConnectionFailure") -> PolicyFault:
    """What forwarding raises when no answer came."""
    return PolicyFault("forward-request", reason, "no answer", 500, answered=True)


class Gateway:
    """Implements Services. `answers` are given in turn, the last one for ever."""

    def __init__(
        self, answers: Iterable[Response | PolicyFault] = (), sku: str = "Developer", **options: object
    ) -> None:
        self.answers = list(answers) or [answer()]
        self.sku, self.options = sku, LocalOptions.model_validate(options)
        self.random, self.cache, self.counters = Random(0), ValueCache(), Counters()
        self.clock = 1000.0
        self.slept: list[float] = []
        self.forwarded: list[ForwardOptions] = []
        self.sent: list[Request] = []
        self.records: list[tuple[str, dict[str, object]]] = []
        self.tokens: list[tuple[str, str | None]] = []
        self.send_with: Callable[[Request], Response] = lambda request: answer()
        self.token_fault: PolicyFault | None = None

    def now(self) -> float:
        return self.clock

    def utcnow(self) -> datetime:
        return EPOCH + timedelta(seconds=self.clock - 1000.0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += seconds

    async def token(self, resource: str, client_id: str | None) -> str:
        self.tokens.append((resource, client_id))
        if self.token_fault is not None:
            raise self.token_fault
        return "the-token"

    async def forward(self, context: PolicyContext, options: ForwardOptions) -> None:
        self.forwarded.append(options)
        came = self.answers[min(len(self.forwarded), len(self.answers)) - 1]
        if isinstance(came, PolicyFault):
            context.response = came.response
            raise came
        context.response = came

    async def send(self, request: Request, timeout_s: float) -> Response:
        self.sent.append(request)
        return self.send_with(request)

    def record(self, kind: str, data: dict[str, object]) -> None:
        self.records.append((kind, data))


def context(body: bytes = b"{}", method: str = "POST", query: str = "api-version=1", **headers: str) -> PolicyContext:
    """A request to the operation chat of the API openai, with a key."""
    url = Url("http", "gateway", 80, "/openai/chat/completions", query)
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return PolicyContext(
        UUID(int=7),
        EPOCH,
        Request(method, Url("http", "service", 80, "/v1/chat/completions", query), url, Headers(pairs), Body(body)),
        Api("openai", "OpenAI", "openai", "http://service/v1"),
        Operation("chat", "Chat", "POST", "/chat/{kind}"),
        Deployment("/service", "apim", "eastus"),
        product=Product("gold", "Gold"),
        subscription=Subscription("alice", "Alice", "k"),
        remaining_path="/chat/completions",
    )


def policy(inbound: str = "", backend: str | None = None, outbound: str = "", on_error: str = "") -> str:
    """A document with `base` in each section, before what is given."""
    middle = "<base />" if backend is None else backend
    return (
        f"<policies><inbound><base />{inbound}</inbound><backend>{middle}</backend>"
        f"<outbound><base />{outbound}</outbound><on-error><base />{on_error}</on-error></policies>"
    )


def pipeline(*documents: str, **options: object) -> Pipeline:
    """Documents of the API, then the operation, below the default global one."""
    scopes = ("api", "operation")
    compiled = [
        compile_document(text, format="rawxml", scope=scope, options=LocalOptions.model_validate(options))
        for scope, text in zip(scopes, documents, strict=False)
    ]
    return Pipeline([compile_document(DEFAULT_GLOBAL, scope="global"), *compiled])


async def run(*documents: str, gateway: Gateway | None = None, on: PolicyContext | None = None) -> PolicyContext:
    """Run a request through the documents and return its context. `on` None: a new request."""
    visit = context() if on is None else on
    await pipeline(*documents).run(visit, Gateway() if gateway is None else gateway)
    return visit


def mark(name: str) -> str:
    """A policy that adds its name to the header `trail`, of the request or the response."""
    return f'<set-header name="trail" exists-action="append"><value>{name}</value></set-header>'


def faults(text: str, format: str = "rawxml", scope: str = "api") -> list[str]:
    """The messages with which a document is refused; none when it is stored."""
    try:
        compile_document(text, format=format, scope=scope)
    except PolicyError as error:
        return [fault.message for fault in error.faults]
    return []
