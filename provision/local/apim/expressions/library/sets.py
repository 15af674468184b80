"""Registers the members of HashSet<T>."""

from __future__ import annotations

from collections.abc import Iterable

from provision.local.apim.expressions.library import collections_
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.limits import MAX_ITEMS, checked_length
from provision.local.apim.expressions.runtime.iteration import iterate
from provision.local.apim.expressions.runtime.values import Array, Dictionary, EnumValue

__all__ = ["HashSet"]


class HashSet(Array):
    """HashSet<T>: each value once, in the order of insertion. Values are equal if they are equal as Dictionary keys."""

    __slots__ = ("held",)

    def __init__(self, items: Iterable[object] = (), ignore_case: bool = False) -> None:
        super().__init__()
        self.held = Dictionary(ignore_case=ignore_case)
        for item in items:
            self.put(item)

    def put(self, item: object) -> bool:
        """Add a value and return whether it was new."""
        if self.held.get(item) is not None:
            return False
        self.held.put(item, None)
        self.append(item)
        return True

    def drop(self, item: object) -> bool:
        """Remove a value and return whether it existed."""
        entry = self.held.items.pop(self.held.hashed(item), None)
        if entry is None:
            return False
        del self[next(index for index, one in enumerate(self) if one is entry[0])]
        return True


SET = Table("HashSet", (HashSet,), collections_.LIST.namespace, ("ISet",), bases=("ICollection",))


@SET.member("new(int|IEnumerable|StringComparer source?, StringComparer comparer?)")
def new_set(source: object = None, comparer: object = None) -> HashSet:
    ignore = any(isinstance(one, EnumValue) and one.name.endswith("IgnoreCase") for one in (source, comparer))
    made = HashSet((), ignore)
    if source is not None and not isinstance(source, (int, EnumValue)):
        add_all(made, source)
    return made


@SET.member("bool Add(E item)")
def add(values: HashSet, item: object) -> bool:
    checked_length(len(values) + 1, MAX_ITEMS)
    return values.put(item)


@SET.member("bool Contains(E item)")
def contains(values: HashSet, item: object) -> bool:
    return values.held.get(item) is not None


@SET.member("bool Remove(E item)")
def remove(values: HashSet, item: object) -> bool:
    return values.drop(item)


@SET.member("void UnionWith(IEnumerable other)")
def add_all(values: HashSet, other: object) -> None:
    for item in iterate(other):
        add(values, item)


@SET.member("void Clear()")
def clear(values: HashSet) -> None:
    values.held.items.clear()
    values.clear()
