"""Divides the users of a run among its workers, in place of Locust, which would use every worker that is connected."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from locust import User
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import WorkerNode

__all__ = ["Seating", "seating_for", "spawn_message", "users_by_worker"]


class Seating(UsersDispatcher):
    """A Locust dispatcher that spawns users only on workers with a part in the present phase.

    Without it Locust would move users to a worker as soon as it connects, where they would send nothing.
    """

    takes_part: Callable[[str], bool] = staticmethod(lambda client_id: True)
    """Returns whether the worker with this id has a part now."""

    def __init__(self, worker_nodes: list[WorkerNode], user_classes: list[type[User]]) -> None:
        # With no worker at all Locust's loop would fail. Users on one without a share have nothing to send.
        super().__init__([node for node in worker_nodes if self.takes_part(node.id)] or worker_nodes, user_classes)

    def add_worker(self, worker_node: WorkerNode) -> None:
        if self.takes_part(worker_node.id):
            super().add_worker(worker_node)

    def _remove_users_from_workers(self) -> dict[str, dict[str, int]]:
        """Remove users, and let the next ones go to the workers that lost theirs.

        Locust gives the next ones to workers in turn from where it was before, so that some could be left without.
        """
        super()._remove_users_from_workers()
        self._prepare_rebalance()
        self._rebalance = False  # nothing has moved: users are taken away in the opposite order
        return self._users_on_workers

    def seat(self, nodes: Sequence[WorkerNode]) -> None:
        """Divide the users among these workers, from Locust's next dispatch on."""
        self._worker_nodes = list(nodes)
        self._sort_workers()  # type: ignore[no-untyped-call]
        self._prepare_rebalance()


def seating_for(takes_part: Callable[[str], bool]) -> type[Seating]:
    """Return a dispatcher class for an environment. `takes_part`: see `Seating`."""

    class SeatingOfRun(Seating):
        pass

    SeatingOfRun.takes_part = staticmethod(takes_part)
    return SeatingOfRun


def users_by_worker(nodes: Sequence[WorkerNode], classes: list[type[User]], count: int) -> dict[str, dict[str, int]]:
    """Return how Locust divides `count` users among workers: by the worker's id and the name of the user class."""
    dispatcher = UsersDispatcher(list(nodes), classes)
    dispatcher.new_dispatch(count, max(count, 1))
    return next(dispatcher)


def spawn_message(environment: Environment, users: dict[str, int]) -> dict[str, object]:
    """Return the data of Locust's own `spawn` message to a worker, as its `MasterRunner.start` sends it."""
    return {
        "timestamp": time.time(),
        "user_classes_count": users,
        "host": environment.host,
        "stop_timeout": environment.stop_timeout,
        "parsed_options": vars(environment.parsed_options) if environment.parsed_options else {},
    }
