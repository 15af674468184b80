"""A lane hands the arrivals of a schedule to free users.

One timer is set for the next arrival, and its hub callback switches straight to the user that has waited longest. So an
arrival needs no greenlet of its own, and the users' connections are used in turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic_ns

import gevent
from gevent import get_hub, getcurrent

from locustfiles.pacing.alarm import make_alarm

__all__ = ["Lane"]


class Lane:
    """Arrivals for one kind of user, due at the ascending monotonic ns of `due_ns`, and then of what `append` adds.

    An arrival that finds no free user waits for one, but is dropped after `patience_s` seconds. `intended`, `sent` and
    `dropped` count the arrivals that were due, given to a user, and dropped so far. `on_drop` is called with the
    instant at which a dropped arrival was due.
    """

    def __init__(
        self, due_ns: Iterator[int], patience_s: float, on_drop: Callable[[int], None] = lambda due_ns: None
    ) -> None:
        self._due = due_ns
        self._parts: deque[Iterator[int]] = deque()
        self._ended = False
        self._on_drop = on_drop
        self._next = next(due_ns, None)
        self._patience_ns = int(patience_s * 1e9)
        self._free: deque[gevent.Greenlet] = deque()
        self._late: deque[int] = deque()
        self._alarm = make_alarm(self._arrive)
        self._free_until_ns = 0
        self.intended = 0
        self.sent = 0
        self.dropped = 0

    def start(self) -> None:
        """Start handing out arrivals."""
        self._arm()

    def append(self, due_ns: Iterator[int]) -> None:
        """Schedule more arrivals, due after all that are scheduled so far. Does nothing after `finish` or `close`."""
        if self._ended:
            return
        self._parts.append(due_ns)
        if self._next is None:
            self._next = self._begin_part()
            self._arm()

    def _begin_part(self) -> int | None:
        """Return the first arrival of the next part that has one, or None if there is none."""
        while self._parts:
            self._due = self._parts.popleft()
            first = next(self._due, None)
            if first is not None:
                return first
        return None

    def take(self) -> int | None:
        """Wait for the calling user's turn. Return when it was due, monotonic ns, or None in a closed-loop phase.

        Blocks the calling greenlet until an arrival is due; in a closed-loop phase it returns at once.
        """
        if self._free_until_ns and monotonic_ns() < self._free_until_ns:
            return None
        if self._late:
            due = self._first_in_time()
            if due is not None:
                self.sent += 1
                return due
        user = getcurrent()
        self._free.append(user)
        try:
            return get_hub().switch()  # type: ignore[no-any-return]  # passed by _hand_out or begin_closed_loop
        except BaseException:
            self.leave(user)
            raise

    def _first_in_time(self) -> int | None:
        limit = monotonic_ns() - self._patience_ns
        while self._late:
            due = self._late.popleft()
            if due >= limit:
                return due
            self._drop(due)
        return None

    def _drop(self, due_ns: int) -> None:
        self.dropped += 1
        self._on_drop(due_ns)

    def leave(self, user: gevent.Greenlet) -> None:
        """Give this user no arrival any more if it waits for one."""
        if user in self._free:
            self._free.remove(user)

    def _arm(self) -> None:
        if self._next is not None:
            self._alarm.set(self._next)

    def _arrive(self) -> None:
        self._hand_out()
        self._arm()

    def _hand_out(self) -> None:
        """Hand out every arrival that is due. Call it from the hub only, because it switches to users."""
        while self._next is not None and self._next <= monotonic_ns():
            due, self._next = self._next, next(self._due, None)
            if self._next is None:
                self._next = self._begin_part()
            self.intended += 1
            if self._free:
                self.sent += 1
                self._free.popleft().switch(due)
            else:
                self._late.append(due)

    def begin_closed_loop(self, until_ns: int) -> None:
        """Begin a closed-loop phase: until this monotonic ns, users do not wait for arrivals."""
        self._free_until_ns = until_ns
        for _ in range(len(self._free)):
            get_hub().loop.run_callback(self._begin_turn)

    def _begin_turn(self) -> None:
        if self._free:
            self._free.popleft().switch(None)

    def finish(self) -> None:
        """Schedule no more arrivals. Users still take those already due."""
        self._free_until_ns = 0
        self._ended = True
        get_hub().loop.run_callback(self._last_round)

    def _last_round(self) -> None:
        self._alarm.close()
        self._hand_out()
        self._next = None
        self._parts.clear()

    @property
    def empty(self) -> bool:
        """Whether no arrival waits for a user."""
        return not self._late

    def close(self) -> None:
        """Drop the arrivals that still wait. Users that call `take` afterwards wait until they are killed."""
        self._alarm.close()
        self._next = None
        self._ended = True
        self._free_until_ns = 0
        while self._late:
            self._drop(self._late.popleft())
