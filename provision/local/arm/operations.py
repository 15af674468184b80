"""Long-running operations, which clients poll in one of ARM's styles.

* `body`: the client polls the resource and reads its `provisioningState`.
* `async`: the client polls the address in the header Azure-AsyncOperation, then reads the resource.
* `location`: the client polls the address in the header Location, which answers 202 until the operation ends.
* `both`: the answer has both headers, as API Management sends them.

An operation that ends while the request is still being answered is reported in the same style: the client learns the
result at its first poll, which the SDKs make at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.errors import ArmError

__all__ = ["RETRY_AFTER", "Operation", "Operations", "Style", "Work"]

Style = Literal["sync", "body", "async", "location", "both"]
Work = Callable[[], Awaitable[None]]

# azure-core accepts fractions, and reads 0 as "no value", which makes it wait 30 s.
RETRY_AFTER = "0.05"
# How long a request waits for its operation, so that a quick one has ended before the first poll.
PATIENCE_S = 0.02


@dataclass(slots=True)
class Operation:
    """One running or ended operation. `result` returns the final answer of its Location address."""

    id: str
    namespace: str
    location: str
    result: Callable[[], Answer]
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    ended: str | None = None
    error: ArmError | None = None
    task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the operation has not ended."""
        return self.ended is None

    def body(self, path: str) -> Json:
        """Return the body for the Azure-AsyncOperation address."""
        status = "InProgress" if self.running else "Succeeded" if self.error is None else "Failed"
        found: Json = {"id": path, "name": self.id, "status": status, "startTime": self.started}
        if self.ended is not None:
            found["endTime"] = self.ended
        if self.error is not None:
            found["error"] = self.error.body()["error"]
        return found


class Operations:
    """All operations by id."""

    def __init__(self, subscription_path: str) -> None:
        self._subscription_path = subscription_path
        self._by_id: dict[str, Operation] = {}

    def get(self, identifier: str) -> Operation:
        """Return an operation. Raises ArmError 404 for an unknown id."""
        found = self._by_id.get(identifier)
        if found is None:
            raise ArmError(404, "OperationNotFound", f"Operation '{identifier}' was not found.")
        return found

    async def begin(self, namespace: str, location: str, work: Work, result: Callable[[], Answer]) -> Operation:
        """Start `work`, wait a short time for its end, and return the operation, which keeps an ArmError of `work`."""
        operation = Operation(uuid4().hex, namespace, location, result)
        self._by_id[operation.id] = operation
        operation.task = asyncio.create_task(_run(operation, work), name=f"operation {namespace}")
        await asyncio.wait({operation.task}, timeout=PATIENCE_S)
        return operation

    def headers(self, operation: Operation, style: Style, call: ArmCall) -> dict[str, str]:
        """Return the headers with the addresses to poll, for one style."""
        root = f"{call.base_url}{self._root(operation, call)}"
        version = f"?api-version={call.api_version}"
        # No Retry-After here: some clients parse it as an integer, and all make their first poll at once.
        found: dict[str, str] = {}
        if style in ("async", "both"):
            found["Azure-AsyncOperation"] = f"{root}/operationStatuses/{operation.id}{version}"
        if style in ("location", "both"):
            found["Location"] = f"{root}/operationResults/{operation.id}{version}"
        return found

    def _root(self, operation: Operation, call: ArmCall) -> str:
        """Return the path above an operation. API Management's are below the service, in its `tenant` [CHG]."""
        service = re.match("/subscriptions/.*/Microsoft.ApiManagement/service/[^/]+", call.path, re.IGNORECASE)
        if service is not None:
            return f"{service[0]}/tenant"
        return f"{self._subscription_path}/providers/{operation.namespace}/locations/{operation.location}"

    async def status(self, call: ArmCall) -> Answer:
        """Answer a GET of an Azure-AsyncOperation address."""
        operation = self.get(call.params["operation"])
        return Answer(200, operation.body(call.path), {"Retry-After": RETRY_AFTER} if operation.running else {})

    async def outcome(self, call: ArmCall) -> Answer:
        """Answer a GET of a Location address: 202 until the operation ends, then its result. Raises its ArmError."""
        operation = self.get(call.params["operation"])
        if operation.running:
            location = f"{call.base_url}{call.path}?api-version={call.api_version}"
            return Answer(202, None, {"Location": location, "Retry-After": RETRY_AFTER})
        if operation.error is not None:
            raise operation.error
        return operation.result()

    async def cancel_all(self) -> None:
        """Cancel the running operations and wait until they have stopped."""
        running = [found.task for found in self._by_id.values() if found.task is not None and not found.task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _run(operation: Operation, work: Work) -> None:
    try:
        await work()
    except ArmError as error:
        operation.error = error
    except Exception as error:  # the operation must end, whatever went wrong, and report it to the client
        operation.error = ArmError(500, "InternalServerError", f"{type(error).__name__}: {error}")
    finally:
        operation.ended = datetime.now(UTC).isoformat()
