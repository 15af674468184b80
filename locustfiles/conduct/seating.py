"""Which workers Locust seats users on: those that have a part in the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from locust.dispatch import UsersDispatcher

__all__ = ["seating_for"]


def seating_for(takes_part: Callable[[str], bool]) -> type[UsersDispatcher]:
    """A dispatcher for Locust's environment. `takes_part`: whether a worker, by its id, has a part now.

    Without it a worker that comes late is given users of those that came in time, and there sends nothing.
    """

    class Seating(UsersDispatcher):
        def __init__(self, worker_nodes: list[Any], user_classes: list[type[Any]]) -> None:
            super().__init__([node for node in worker_nodes if takes_part(node.id)], user_classes)

        def add_worker(self, worker_node: Any) -> None:
            if takes_part(worker_node.id):
                super().add_worker(worker_node)

    return Seating
