"""The data that policies and expressions work on: `context` and its parts.

It is plain data without C# semantics. `expressions` decides how an expression reads a member, and `policies` how a
policy changes it.
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
    """HTTP headers. Order and spelling are kept, and names are compared without case."""

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
        """Return all values of a header in order; empty if it is absent."""
        wanted = name.lower()
        return [value for key, value in self._items if key.lower() == wanted]

    def get(self, name: str) -> str | None:
        """Return all values joined by a comma, as APIM's GetValueOrDefault does, or None if the header is absent."""
        values = self.get_all(name)
        return ",".join(values) if values else None

    def remove(self, name: str) -> None:
        wanted = name.lower()
        self._items = [item for item in self._items if item[0].lower() != wanted]

    def replace(self, name: str, values: Iterable[str]) -> None:
        """Replace all values of a header. No values remove it."""
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
    """A URL in parts. `path` begins with `/`. `query` is still encoded and has no `?`."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    def parameters(self) -> dict[str, list[str]]:
        """The query parameters, decoded. A name may have several values."""
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
    """A message body: complete in `data`, or still arriving in `stream`, in which case `data` is None.

    `consumed` is set once a policy has read it without preserveContent: APIM's stream is then at its end.
    """

    data: bytes | None = b""
    stream: AsyncIterator[bytes] | None = None
    consumed: bool = False

    async def buffer(self, limit: int) -> bytes:
        """Return the whole body, read from the stream if necessary. Raises ValueError over `limit` bytes."""
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
    """The reason why the pipeline went to on-error. [D-ERR] lists the fields; None where APIM leaves one null."""

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
    """The API Management service that an expression runs in."""

    service_id: str
    service_name: str
    region: str
    gateway_id: str = "managed"


@dataclass(slots=True)
class Backend:
    """The backend in use. `named` is the backend or pool that a policy set; `type` is Single or Pool.

    `azure_region` and `member` belong to the member that was chosen, and are empty before the call.
    """

    named: str
    type: str = "Single"
    azure_region: str = ""
    member: str = ""

    @property
    def id(self) -> str:
        """The id of the chosen member, or before the call of the backend that a policy set."""
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
    """The backend entity that a policy chose. None: the request goes to `base_url`, or to the API's service URL."""
    base_url: str | None = None
    """The base-url of the last set-backend-service, or None if no policy set one."""
    remaining_path: str = ""
    """The part of the client's URL after the API's path, which is also sent to the backend unless rewrite-uri replaces
    it.
    """
    open_body: AsyncIterator[bytes] | None = None
    """The backend's body while it may still be arriving. Code that wraps `response.body.stream` must also store the
    wrapper here.
    """
    variables: dict[str, object] = field(default_factory=dict)
    traces: list[dict[str, object]] = field(default_factory=list)
    tracing: bool = False
    started: float = 0.0
    """The monotonic instant at which the gateway had received the request's head."""
