"""Long-running operations, polled in each of ARM's styles.

* `body`: the resource's own `provisioningState` tells; the client polls the resource.
* `async`: header Azure-AsyncOperation; the operation's status tells, then the resource is read.
* `location`: header Location; 202 until done.
* `both`: the two headers together, as API Management sends them.

An operation that ends while the request is being answered still answers in its type's style: a client
that polls sees the end at its first poll, which the SDKs make at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from provision.local.arm.call import Answer, Call, Json
from provision.local.arm.errors import ArmError

__all__ = ["RETRY_AFTER", "Operation", "Operations", "Style", "Work"]

Style = Literal["sync", "body", "async", "location", "both"]
Work = Callable[[], Awaitable[None]]

# Azure-core reads fractions, and takes 0 for "no value", which means 30 s.
RETRY_AFTER = "0.05"
# How long a request waits for its own operation: one that ends at once costs no poll that says "InProgress".
PATIENCE_S = 0.02


@dataclass(slots=True)
class Operation:
    """One running or ended operation. `result` is what Location gives in the end."""

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
        return self.ended is None

    def body(self, path: str) -> Json:
        """Return the body that the Azure-AsyncOperation address shows."""
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
        """Raises ArmError 404 for an unknown id."""
        found = self._by_id.get(identifier)
        if found is None:
            raise ArmError(404, "OperationNotFound", f"Operation '{identifier}' was not found.")
        return found

    async def begin(self, namespace: str, location: str, work: Work, result: Callable[[], Answer]) -> Operation:
        """Start `work` and wait a moment for it; its ArmError becomes the operation's error."""
        operation = Operation(uuid4().hex, namespace, location, result)
        self._by_id[operation.id] = operation
        operation.task = asyncio.create_task(_run(operation, work), name=f"operation {namespace}")
        await asyncio.wait({operation.task}, timeout=PATIENCE_S)
        return operation

    def headers(self, operation: Operation, style: Style, call: Call) -> dict[str, str]:
        """The headers that tell a client where to poll, for one style."""
        root = (
            f"{call.base_url}{self._subscription_path}/providers/{operation.namespace}/locations/{operation.location}"
        )
        version = f"?api-version={call.api_version}"
        # No Retry-After here: some clients read it as an integer, and all make their first poll at once.
        found: dict[str, str] = {}
        if style in ("async", "both"):
            found["Azure-AsyncOperation"] = f"{root}/operationStatuses/{operation.id}{version}"
        if style in ("location", "both"):
            found["Location"] = f"{root}/operationResults/{operation.id}{version}"
        return found

    async def status(self, call: Call) -> Answer:
        """GET of an Azure-AsyncOperation URL."""
        operation = self.get(call.params["operation"])
        return Answer(200, operation.body(call.path), {"Retry-After": RETRY_AFTER} if operation.running else {})

    async def outcome(self, call: Call) -> Answer:
        """GET of a Location URL: 202 until done, then the result or the error."""
        operation = self.get(call.params["operation"])
        if operation.running:
            location = f"{call.base_url}{call.path}?api-version={call.api_version}"
            return Answer(202, None, {"Location": location, "Retry-After": RETRY_AFTER})
        if operation.error is not None:
            raise operation.error
        return operation.result()

    async def cancel_all(self) -> None:
        """Stop whatever still runs."""
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
