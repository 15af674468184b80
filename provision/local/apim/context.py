"""The data that policies and expressions work on: `context` and what hangs from it.

Plain data, no C# semantics: how an expression sees a member is decided in `expressions`,
how a policy changes it in `policies`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, quote
from uuid import UUID

__all__ = [
    "Api",
    "Backend",
    "Body",
    "Deployment",
    "Headers",
    "LastError",
    "Operation",
    "PolicyContext",
    "Product",
    "Request",
    "Response",
    "Subscription",
    "Url",
    "User",
]


class Headers:
    """HTTP headers: order and spelling kept, names compared without case."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = list(items)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: str) -> bool:
        wanted = name.lower()
        return any(key.lower() == wanted for key, _ in self._items)

    def get_all(self, name: str) -> list[str]:
        """Every value of a header, in order; empty when absent."""
        wanted = name.lower()
        return [value for key, value in self._items if key.lower() == wanted]

    def get(self, name: str) -> str | None:
        """All values joined by a comma, as APIM's GetValueOrDefault has it; None when absent."""
        values = self.get_all(name)
        return ",".join(values) if values else None

    def remove(self, name: str) -> None:
        wanted = name.lower()
        self._items = [item for item in self._items if item[0].lower() != wanted]

    def replace(self, name: str, values: Iterable[str]) -> None:
        """The header with just these values; absent when there are none."""
        wanted = name.lower()
        items = [item for item in self._items if item[0].lower() != wanted]
        items += [(name, value) for value in values]
        self._items = items

    def append(self, name: str, value: str) -> None:
        self._items.append((name, value))

    def copy(self) -> Headers:
        return Headers(self._items)


@dataclass(slots=True)
class Url:
    """A URL in parts. `path` begins with `/`; `query` is without its `?`, still encoded."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    def parameters(self) -> dict[str, list[str]]:
        """Decoded query parameters; a name may have several values."""
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            found.setdefault(name, []).append(value)
        return found

    def set_parameters(self, parameters: dict[str, list[str]]) -> None:
        self.query = "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}" for name, values in parameters.items() for value in values
        )

    def origin(self) -> str:
        default = {"http": 80, "https": 443}.get(self.scheme)
        return f"{self.scheme}://{self.host}" + ("" if self.port == default else f":{self.port}")

    def __str__(self) -> str:
        return self.origin() + self.path + (f"?{self.query}" if self.query else "")


@dataclass(slots=True)
class Body:
    """A message body: all of it in `data`, or still arriving in `stream` (then `data` is None).

    `consumed` is set when a policy read it without preserveContent: APIM's stream is then at its end.
    """

    data: bytes | None = b""
    stream: AsyncIterator[bytes] | None = None
    consumed: bool = False

    async def buffer(self, limit: int) -> bytes:
        """The whole body, read from the stream if need be. Raises ValueError over `limit` bytes."""
        if self.data is None:
            parts, size = [], 0
            if self.stream is not None:
                async for part in self.stream:
                    size += len(part)
                    if size > limit:
                        raise ValueError(f"body larger than {limit} bytes")
                    parts.append(part)
            self.data, self.stream = b"".join(parts), None
        return self.data


@dataclass(slots=True)
class Request:
    method: str
    url: Url
    original_url: Url
    headers: Headers
    body: Body
    ip_address: str = "127.0.0.1"
    matched_parameters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Response:
    status_code: int
    status_reason: str = ""
    headers: Headers = field(default_factory=Headers)
    body: Body = field(default_factory=Body)


@dataclass(slots=True)
class LastError:
    """Why the pipeline went to on-error. Fields as [D-ERR] lists them; None where APIM leaves it null."""

    source: str
    reason: str
    message: str
    scope: str | None = None
    section: str | None = None
    path: str | None = None
    policy_id: str | None = None


@dataclass(slots=True, frozen=True)
class Api:
    id: str
    name: str
    path: str
    service_url: str | None = None
    revision: str = "1"
    version: str | None = None


@dataclass(slots=True, frozen=True)
class Operation:
    id: str
    name: str
    method: str
    url_template: str


@dataclass(slots=True, frozen=True)
class Product:
    id: str
    name: str


@dataclass(slots=True, frozen=True)
class Subscription:
    id: str
    name: str
    key: str = field(repr=False)
    primary_key: str = field(repr=False, default="")
    secondary_key: str = field(repr=False, default="")


@dataclass(slots=True, frozen=True)
class User:
    id: str
    email: str = ""


@dataclass(slots=True, frozen=True)
class Deployment:
    """The service an expression runs in."""

    service_id: str
    service_name: str
    region: str
    gateway_id: str = "managed"


@dataclass(slots=True)
class Backend:
    """The backend in use.

    `named` is the backend or pool that a policy set, `type` is Single or Pool. `azure_region` and `member` are those of
    the member that was chosen; empty before the call.
    """

    named: str
    type: str = "Single"
    azure_region: str = ""
    member: str = ""

    @property
    def id(self) -> str:
        """The chosen member's id, or before the call that of what a policy set."""
        return self.member or self.named


@dataclass(slots=True)
class PolicyContext:
    request_id: UUID
    timestamp: datetime
    request: Request
    api: Api
    operation: Operation
    deployment: Deployment
    response: Response | None = None
    last_error: LastError | None = None
    product: Product | None = None
    subscription: Subscription | None = None
    user: User | None = None
    backend: Backend | None = None
    """The backend entity a policy chose; None: the request goes to `base_url`, or to the API's service URL."""
    base_url: str | None = None
    """What set-backend-service's base-url said last; None: it said nothing."""
    remaining_path: str = ""
    """What follows the API's path in the client's URL, and so in the backend's; rewrite-uri replaces it."""
    open_body: AsyncIterator[bytes] | None = None
    """The backend's body while it may still be arriving: who wraps `response.body.stream` puts the wrapper here too."""
    variables: dict[str, object] = field(default_factory=dict)
    traces: list[dict[str, object]] = field(default_factory=list)
    tracing: bool = False
    started: float = 0.0
    """Monotonic instant at which the gateway had the request's head."""
