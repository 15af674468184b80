"""Faults that are injected into the control plane, to test how clients react.

A fault applies to calls with a given method and path, and is removed after `count` calls.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, field_validator

from provision.local.arm.call import ArmCall, Json
from provision.local.arm.errors import ArmError

__all__ = ["Answered", "Dropped", "Fault", "Faults", "Plan", "current_plan"]


class Fault(BaseModel):
    """One fault. `path` is a regular expression, searched in the call's path without regard to case."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["error", "answer", "drop", "slow", "fail"] = Field(
        ...,
        description="error: answer it; answer: answer 200 with `body`; drop: close the connection; slow, fail: the "
        "operation that the call begins",
    )
    method: Annotated[str, Field(pattern=r"^[A-Z]+$")] | None = None
    path: str = ".*"
    count: int = Field(1, ge=1, le=10_000, description="Number of calls it applies to")
    skip: int = Field(0, ge=0, le=10_000, description="Number of matching calls to ignore first")
    seconds: float = Field(0, ge=0, le=3600, description="slow: how much longer the operation takes")
    status: int = Field(429, ge=400, le=599)
    code: str = "TooManyRequests"
    message: str = "The request is being throttled."
    retry_after_s: float | None = Field(None, ge=0, description="error: Retry-After on the answer")
    body: Json = Field(default_factory=dict, description="answer: the JSON object that the call is answered with")

    @field_validator("path")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    def fits(self, call: ArmCall) -> bool:
        """Return whether the fault applies to calls like this one."""
        same_method = self.method is None or self.method == call.method
        return same_method and re.search(self.path, call.path, re.IGNORECASE) is not None

    def as_error(self) -> ArmError:
        """Return the error with which the action `error` answers."""
        headers = {} if self.retry_after_s is None else {"Retry-After": f"{self.retry_after_s:g}"}
        return ArmError(self.status, self.code, self.message, headers=headers)


class Dropped(Exception):
    """Raised to close the connection of a call without an answer."""


class Answered(Exception):
    """Raised to answer a call with the body of a fault."""

    def __init__(self, body: Json) -> None:
        super().__init__("the answer is a fault's body")
        self.body = body


@dataclass(frozen=True, slots=True)
class Plan:
    """The fault of the operation that a call begins: extra seconds, then `error`; None means that it succeeds.

    Setting `cleared` ends the extra seconds early.
    """

    seconds: float = 0.0
    error: ArmError | None = None
    cleared: asyncio.Event = field(default_factory=asyncio.Event)

    async def suffer(self) -> None:
        """Wait for the extra seconds, then raise the ArmError if there is one."""
        if self.seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.cleared.wait(), self.seconds)
        if self.error is not None:
            raise self.error


_plan: ContextVar[Plan | None] = ContextVar("plan", default=None)


def current_plan() -> Plan:
    """Return the plan of the call being answered; an empty plan if it has none."""
    return _plan.get() or Plan()


class Faults:
    """The faults in force, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._cleared = asyncio.Event()

    def add(self, fault: Fault) -> str:
        """Put a fault in force and return its id."""
        identifier = uuid4().hex[:12]
        self._faults[identifier] = fault.model_copy()
        return identifier

    def clear(self) -> int:
        """Remove all faults, let operations that one slows go on at once, and return how many faults there were."""
        number = len(self._faults)
        self._faults.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()
        return number

    def all(self) -> dict[str, Fault]:
        """Return the faults in force by id, with their remaining counts."""
        return dict(self._faults)

    async def before(self, call: ArmCall) -> None:
        """Apply a fault of the kinds error, answer and drop, if one fits. Raises its ArmError, Answered or Dropped."""
        fault = self._take(call, ("error", "answer", "drop"))
        if fault is None:
            return
        if fault.action == "drop":
            raise Dropped
        if fault.action == "answer":
            raise Answered(fault.body)
        raise fault.as_error()

    @contextmanager
    def during(self, call: ArmCall) -> Iterator[None]:
        """Set the plan of the operations that begin inside, from the faults of the kinds slow and fail."""
        slow = self._take(call, ("slow",)) if call.method not in ("GET", "HEAD") else None
        fail = self._take(call, ("fail",)) if call.method not in ("GET", "HEAD") else None
        seconds, error = 0.0 if slow is None else slow.seconds, None if fail is None else fail.as_error()
        plan = Plan(seconds, error, self._cleared)
        token = _plan.set(plan)
        try:
            yield
        finally:
            _plan.reset(token)

    def _take(self, call: ArmCall, actions: tuple[str, ...]) -> Fault | None:
        """Return the first fault that fits the call, and count the call; None if no fault fits."""
        for identifier, fault in list(self._faults.items()):
            if fault.action not in actions or not fault.fits(call):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.count -= 1
            if fault.count == 0:
                del self._faults[identifier]
            return fault
        return None
