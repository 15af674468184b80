"""Registers LINQ's methods that order and group, and the static methods of Enumerable."""

from __future__ import annotations

from functools import cmp_to_key

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.collections_ import ENUMERABLE
from provision.local.apim.expressions.library.linq import Selector, compared
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.limits import MAX_ITEMS, checked_length
from provision.local.apim.expressions.runtime.frame import charge
from provision.local.apim.expressions.runtime.iteration import iterate
from provision.local.apim.expressions.runtime.values import Dictionary, EnumValue, Sequence

__all__: list[str] = []


class Ordered(Sequence):
    """IOrderedEnumerable: a sorted sequence that keeps its sort keys, so that ThenBy can add one."""

    __slots__ = ("keys",)

    def __init__(self, values: list[object], keys: list[_Key]) -> None:
        self.keys = keys
        rows = [(one, [key(one) for key, _, _ in keys]) for one in values]
        charge(len(rows))

        def order(a: tuple[object, list[object]], b: tuple[object, list[object]]) -> int:
            for (_, sign, comparer), x, y in zip(keys, a[1], b[1], strict=True):
                found = _compared(x, y, comparer) * sign
                if found:
                    return found
            return 0

        super().__init__(one for one, _ in sorted(rows, key=cmp_to_key(order)))


_Key = tuple[Selector, int, object]
"""A sort key: its selector, 1 (ascending) or -1 (descending), and its StringComparer (None: the culture's)."""


def _compared(x: object, y: object, comparer: object) -> int:
    name = comparer.name if isinstance(comparer, EnumValue) else ""
    if isinstance(x, str) and isinstance(y, str) and name:
        if name.endswith("IgnoreCase"):
            x, y = x.upper(), y.upper()
        if name.startswith("Ordinal"):
            return (x > y) - (x < y)
    return compared(x, y)


ORDERED = Table("IOrderedEnumerable", (Ordered,), "System.Linq", bases=("IEnumerable",), source="5.5")


@ENUMERABLE.member("IOrderedEnumerable<E> OrderBy(Func<E,R> key, object comparer?)", source="5.5")
def order_by(values: object, key: Selector, comparer: object = None) -> Ordered:
    return Ordered(list(iterate(values)), [(key, 1, comparer)])


@ENUMERABLE.member("IOrderedEnumerable<E> OrderByDescending(Func<E,R> key, object comparer?)")
def order_by_descending(values: object, key: Selector, comparer: object = None) -> Ordered:
    return Ordered(list(iterate(values)), [(key, -1, comparer)])


@ORDERED.member("IOrderedEnumerable<E> ThenBy(Func<E,R> key, object comparer?)")
def then_by(values: Ordered, key: Selector, comparer: object = None) -> Ordered:
    return Ordered(list(values), [*values.keys, (key, 1, comparer)])


@ORDERED.member("IOrderedEnumerable<E> ThenByDescending(Func<E,R> key, object comparer?)")
def then_by_descending(values: Ordered, key: Selector, comparer: object = None) -> Ordered:
    return Ordered(list(values), [*values.keys, (key, -1, comparer)])


class Grouping(Sequence):
    """IGrouping: the elements with one key."""

    __slots__ = ("key",)

    def __init__(self, key: object) -> None:
        super().__init__()
        self.key = key


GROUPING = Table("IGrouping", (Grouping,), "System.Linq", bases=("IEnumerable",), source="5.5")


@GROUPING.member("dynamic Key")
def group_key(group: Grouping) -> object:
    return group.key


@ENUMERABLE.member("IEnumerable<IGrouping<R,E>> GroupBy(Func<E,R> key)")
def group_by(values: object, key: Selector) -> Sequence:
    groups = Dictionary()
    for one in iterate(values):
        name = key(one)
        found = groups.get(name)
        if found is None:
            group = Grouping(name)
            groups.put(name, group)
            found = (name, group)
        found[1].append(one)  # type: ignore[attr-defined]  # the values here are all groups
    return Sequence(pair.value for pair in groups.pairs())


STATIC = Table("Enumerable", (), "System.Linq", bases=("object",))


@STATIC.member("static IEnumerable<int> Range(int start, int count)")
def range_(start: int, number: int) -> Sequence:
    if number < 0:
        raise Thrown("ArgumentOutOfRangeException", "Specified argument was out of the range of valid values.")
    charge(checked_length(number, MAX_ITEMS))
    return Sequence(range(start, start + number))


@STATIC.member("static IEnumerable Repeat(object element, int count)")
def repeat(one: object, number: int) -> Sequence:
    charge(checked_length(max(number, 0), MAX_ITEMS))
    return Sequence([one] * number)


@STATIC.member("static IEnumerable<T> Empty<T>()")
def empty(wanted: str | None) -> Sequence:
    return Sequence()
