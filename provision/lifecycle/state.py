"""The state file: which resources `up` created for a lab, and how to reach its gateway.

It contains the gateway's key, so its mode is 0600.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer

from provision.resources.clouds import Cloud
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.lab import Lab
from tripcurve.state_path import state_path

__all__ = ["GatewayAccess", "State", "StateFile"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GatewayAccess(_Part):
    """The gateway's address, its key, and the breaker rules read back from the service."""

    gateway_url: str
    api_key: SecretStr
    deployment: str
    api_version: str
    api_path: str
    rules: dict[str, dict[str, Any] | None] = Field(default_factory=dict)

    @field_serializer("api_key", when_used="json")
    def _in_clear(self, key: SecretStr) -> str:
        return key.get_secret_value()


class State(_Part):
    """The stored state of one lab on one cloud.

    `created` has ARM ids in lower case, in the order of creation. An id is written before its resource is requested,
    so that a crash in between can leave an id without a resource, but no resource without an id. `deleted` has the
    ids of resources that this lab soft-deleted and whose names are still taken.
    """

    version: Literal[1] = 1
    lab: str
    cloud: Literal["azure", "local"]
    management_url: str
    subscription_id: str
    resource_group: str
    created: list[str] = Field(default_factory=list)
    deleted: list[str] = Field(default_factory=list)
    endpoint: GatewayAccess | None = None

    def has_created(self, arm_id: str) -> bool:
        """Return whether this lab created the resource, or began to."""
        return arm_id.lower() in self.created

    def will_create(self, arm_id: str) -> None:
        """Record a resource that is about to be created. Its name is then no longer one of a deleted resource."""
        if arm_id.lower() not in self.created:
            self.created.append(arm_id.lower())
        self.deleted = [item for item in self.deleted if item != arm_id.lower()]

    def has_deleted(self, arm_id: str, *, soft: bool) -> None:
        """Forget a resource and everything inside it. The id of a soft-deleted one is kept for the purge."""
        gone = arm_id.lower()
        self.created = [item for item in self.created if item != gone and not item.startswith(f"{gone}/")]
        if soft and gone not in self.deleted:
            self.deleted.append(gone)

    def has_purged(self, arm_id: str) -> None:
        """Record that the name of a deleted resource is free again."""
        self.deleted = [item for item in self.deleted if item != arm_id.lower()]

    @property
    def empty(self) -> bool:
        """Whether the state has no resource, no deleted name and no endpoint."""
        return not self.created and not self.deleted and self.endpoint is None


class StateFile:
    """The state of one lab on one cloud, kept in a file, or only in memory when `path` is None."""

    def __init__(self, lab: Lab, cloud: Cloud, path: Path | None) -> None:
        self.path = path
        self._fresh = State(
            lab=lab.name,
            cloud=cloud.kind,
            management_url=cloud.management_url,
            subscription_id=cloud.subscription_id,
            resource_group=lab.resource_group,
        )
        self._memory: State | None = None

    @classmethod
    def of(cls, lab: Lab, cloud: Cloud, folder: Path | None = None) -> StateFile:
        """Return the state file of a lab in a folder; None means the folder of `tripcurve.state_path`."""
        return cls(lab, cloud, state_path(lab.name, cloud.kind, folder))

    @classmethod
    def in_memory(cls, lab: Lab, cloud: Cloud) -> StateFile:
        """Return a state that is written to no file, for a local cloud that ends with its process."""
        return cls(lab, cloud, None)

    def load(self) -> State:
        """Return the stored state, or a new one if there is no file.

        Raises BadInput when the file is damaged, or belongs to another subscription or group.
        """
        if self.path is None:
            return self._memory or self._fresh.model_copy(deep=True)
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return self._fresh.model_copy(deep=True)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{self.path}: cannot read this state file: {error}") from None
        return self._checked(text)

    def _checked(self, text: str) -> State:
        try:
            state = State.model_validate_json(text)
        except ValidationError:
            raise BadInput(
                f"{self.path}: this state file is damaged (cut short, or edited); nothing was changed.\n"
                f"Move it away (mv {self.path} {self.path}.damaged) and run `tripcurve up` again: it finds what "
                f"this lab created by the tag tripcurve-lab={self._fresh.lab}, and writes a new file"
            ) from None
        return self._fitting(state)

    def _fitting(self, state: State) -> State:
        """Return the state if it belongs to this subscription and group; a new one if its local cloud has ended."""
        fresh = self._fresh
        for name in ("lab", "management_url", "subscription_id", "resource_group"):
            was, now = getattr(state, name), getattr(fresh, name)
            if str(was).lower() == str(now).lower():
                continue
            if fresh.cloud == "local":
                return fresh.model_copy(deep=True)
            raise BadInput(
                f"{self.path}: this lab was created with {name} {was}, but {name} is {now} now; "
                f"run `tripcurve down` with {was} first, or give the lab another name"
            )
        return state

    def save(self, state: State) -> None:
        """Write the state atomically; remove the file if the state is empty."""
        if self.path is None:
            self._memory = state
            return
        if state.empty:
            self.path.unlink(missing_ok=True)
            return
        text = json.dumps(state.model_dump(mode="json"), indent=2) + "\n"
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @contextmanager
    def locked(self) -> Iterator[State]:
        """Yield the state under an exclusive lock. Raises TargetUnavailable if another process holds the lock."""
        if self.path is None:
            yield self.load()
            return
        self._make_folder()
        with self.path.with_suffix(".lock").open("a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read(20).strip() or "unknown"
                raise TargetUnavailable(
                    f"another tripcurve (process {holder}) is working on lab {self._fresh.lab}; wait for it, or stop it"
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield self.load()

    def _make_folder(self) -> None:
        assert self.path is not None  # noqa: S101  # for the type checker: callers have checked it
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{self.path.parent}: cannot make the state folder: {error.strerror}") from None
