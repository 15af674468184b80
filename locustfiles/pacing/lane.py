"""A lane: arrivals on schedule, handed to free users.

It lives in the hub: one timer, armed for the next arrival, whose callback switches straight into
the user that has waited longest. So an arrival costs no greenlet of its own, and connections take turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from time import monotonic_ns

import gevent
from gevent import get_hub, getcurrent

from locustfiles.pacing.alarm import make_alarm

__all__ = ["Lane"]


class Lane:
    """Arrivals for one kind of user. Counts: `intended` arrivals so far, `sent`, `dropped`.

    An arrival that finds no free user waits, at most `patience_s`; then it is dropped.
    """

    def __init__(self, due_ns: Iterator[int], patience_s: float) -> None:
        self._due = due_ns
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
        """Begin to hand out arrivals."""
        self._arm()

    def take(self) -> int | None:
        """The next arrival's intended monotonic ns, for the calling user; None: free running, go at once.

        Parks the caller until there is one.
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
            return get_hub().switch()  # type: ignore[no-any-return]  # what _arrive or release switched in
        except BaseException:
            self._forget(user)
            raise

    def _first_in_time(self) -> int | None:
        limit = monotonic_ns() - self._patience_ns
        while self._late:
            due = self._late.popleft()
            if due >= limit:
                return due
            self.dropped += 1
        return None

    def _forget(self, user: gevent.Greenlet) -> None:
        if user in self._free:
            self._free.remove(user)

    def _arm(self) -> None:
        if self._next is not None:
            self._alarm.set(self._next)

    def _arrive(self) -> None:
        self._hand_out()
        self._arm()

    def _hand_out(self) -> None:
        """All that is due. In the hub only: it switches straight into users."""
        while self._next is not None and self._next <= monotonic_ns():
            due, self._next = self._next, next(self._due, None)
            self.intended += 1
            if self._free:
                self.sent += 1
                self._free.popleft().switch(due)
            else:
                self._late.append(due)

    def release(self, until_ns: int) -> None:
        """Let the users go: until then they do not wait for arrivals."""
        self._free_until_ns = until_ns
        for _ in range(len(self._free)):
            get_hub().loop.run_callback(self._free.popleft().switch, None)

    def finish(self) -> None:
        """No more arrivals but those already due, which users still take."""
        self._free_until_ns = 0
        get_hub().loop.run_callback(self._last_round)

    def _last_round(self) -> None:
        self._alarm.close()
        self._hand_out()
        self._next = None

    @property
    def empty(self) -> bool:
        """Whether no arrival waits for a user."""
        return not self._late

    def close(self) -> None:
        """Nothing more: what still waited is dropped, and users that ask wait for ever."""
        self._alarm.close()
        self._next = None
        self._free_until_ns = 0
        self.dropped += len(self._late)
        self._late.clear()
