"""The load-balanced pool of one gateway unit, which chooses among the members whose breakers are not open."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from tripcurve.lab.local_options import LocalOptions

__all__ = ["Member", "Pool"]


class Member(NamedTuple):
    """A backend in a pool. `weight` None is 1; `priority` None is decided by the option `priority_null`."""

    name: str
    priority: int | None = None
    weight: int | None = None


class _Turns(Protocol):
    def take(self, open_to: Callable[[str], bool]) -> str | None: ...


class Pool:
    """Chooses members: the group with the lowest priority number first, and by weight within the group.

    A group is used only when no member of the groups before it can take a request [D-BE].
    """

    def __init__(self, members: Sequence[Member], options: LocalOptions, seed: int | None = None) -> None:
        """Make a pool. `seed` is for random weighting, and differs between units; None takes the options' seed."""
        rng = random.Random(options.seed if seed is None else seed)  # noqa: S311  # load balancing, no secret
        groups: dict[float, list[tuple[str, int]]] = {}
        for member in members:
            weight = _weight(member, options)
            if weight > 0:
                groups.setdefault(_rank(member, members, options), []).append((member.name, weight))
        self._groups = [_turns(groups[rank], options, rng) for rank in sorted(groups)]

    def choose(self, open_members: Callable[[str], bool] | Collection[str]) -> str | None:
        """Return the name of the member for the next request; None if no member can take one.

        `open_members` are the members that can take a request, as a predicate or as a collection of names: those whose
        breaker is *not* open.
        """
        may_take = open_members if callable(open_members) else open_members.__contains__
        for group in self._groups:
            name = group.take(may_take)
            if name is not None:
                return name
        return None


def _weight(member: Member, options: LocalOptions) -> int:
    if member.weight is None:
        return 1
    return 1 if member.weight == 0 and options.weight_zero == "one" else member.weight


def _rank(member: Member, members: Sequence[Member], options: LocalOptions) -> float:
    """Return the rank of the member's group. Without a priority it is the first group or, by option, the last."""
    if member.priority is not None:
        return member.priority
    given = [other.priority for other in members if other.priority is not None]
    if options.priority_null == "last":
        return max(given, default=0) + 1
    return min(given, default=0)


def _turns(members: list[tuple[str, int]], options: LocalOptions, rng: random.Random) -> _Turns:
    if options.pool_weighting == "random":
        return _Random(members, rng)
    return _Block(members) if options.pool_weighting == "block" else _Smooth(members)


class _Smooth:
    """Smooth weighted round robin.

    For each request, every member's credit grows by its weight. The member with the most credit is chosen, and the sum
    of the weights is subtracted from its credit. Shares are exact over each full round, and turns are evenly spread.
    Equal credits go to the lower index.
    """

    def __init__(self, members: list[tuple[str, int]]) -> None:
        self._members = members
        self._credit = [0] * len(members)

    def take(self, open_to: Callable[[str], bool]) -> str | None:
        credit, best, total = self._credit, -1, 0
        for index, (name, weight) in enumerate(self._members):
            if not open_to(name):
                continue
            credit[index] += weight
            total += weight
            if best < 0 or credit[index] > credit[best]:
                best = index
        if best < 0:
            return None
        credit[best] -= total
        return self._members[best][0]


class _Random:
    """Draws the member of each request independently, by weight."""

    def __init__(self, members: list[tuple[str, int]], rng: random.Random) -> None:
        self._members = members
        self._rng = rng

    def take(self, open_to: Callable[[str], bool]) -> str | None:
        able = [(name, weight) for name, weight in self._members if open_to(name)]
        if not able:
            return None
        names, weights = zip(*able, strict=True)
        chosen: str = self._rng.choices(names, weights)[0]
        return chosen


class _Block:
    """Sends each member as many requests in a row as its weight, then goes on to the next."""

    def __init__(self, members: list[tuple[str, int]]) -> None:
        self._members = members
        self._index = 0
        self._left = members[0][1]

    def take(self, open_to: Callable[[str], bool]) -> str | None:
        for _ in range(len(self._members) + 1):
            name, _weight = self._members[self._index]
            if self._left > 0 and open_to(name):
                self._left -= 1
                return name
            self._index = (self._index + 1) % len(self._members)
            self._left = self._members[self._index][1]
        return None
