"""Registers LINQ's methods for all enumerables. They run at once, whereas C# defers, and each lambda call is a step."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import islice

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.basic import hash_code, object_equals
from provision.local.apim.expressions.library.collections_ import ENUMERABLE
from provision.local.apim.expressions.library.strings import compare
from provision.local.apim.expressions.limits import MAX_ITEMS, checked_length
from provision.local.apim.expressions.runtime.casts import cast, invalid_cast, is_instance
from provision.local.apim.expressions.runtime.frame import Lambda, charge
from provision.local.apim.expressions.runtime.iteration import iterate
from provision.local.apim.expressions.runtime.operators import BINARY, add
from provision.local.apim.expressions.runtime.values import Array, Char, Dictionary, Int64, KeyValuePair, Sequence

__all__: list[str] = []

Selector = Callable[..., object]
EMPTY = Thrown("InvalidOperationException", "Sequence contains no elements")
NO_MATCH = Thrown("InvalidOperationException", "Sequence contains no matching element")


def _true(value: object) -> bool:
    if value is True or value is False:
        return value
    raise invalid_cast(value, "bool")


def _indexed(function: Selector) -> Callable[[int, object], object]:
    """Return a function of index and element that calls a lambda with the element and, if it takes two, the index."""
    wants_index = isinstance(function, Lambda) and function.parameters > 1
    return (lambda index, one: function(one, index)) if wants_index else (lambda index, one: function(one))


@ENUMERABLE.member("IEnumerable<E> Where(Func<E,bool>|Func<E,int,bool> predicate)")
def where(values: object, test: Selector) -> Sequence:
    apply = _indexed(test)
    return Sequence(one for index, one in enumerate(iterate(values)) if _true(apply(index, one)))


@ENUMERABLE.member("IEnumerable<R> Select(Func<E,R>|Func<E,int,R> selector)", source="5.5")
def select(values: object, selector: Selector) -> Sequence:
    apply = _indexed(selector)
    return Sequence(apply(index, one) for index, one in enumerate(iterate(values)))


@ENUMERABLE.member("IEnumerable SelectMany(Func<E,object> selector)")
def select_many(values: object, selector: Selector) -> Sequence:
    made = Sequence()
    for one in iterate(values):
        made.extend(iterate(selector(one)))
        checked_length(len(made), MAX_ITEMS)
    charge(len(made))
    return made


@ENUMERABLE.member("bool Any(Func<E,bool> predicate?)", source="5.5")
def any_(values: object, test: Selector | None = None) -> bool:
    return any(test is None or _true(test(one)) for one in iterate(values))


@ENUMERABLE.member("bool All(Func<E,bool> predicate)", source="5.5")
def all_(values: object, test: Selector) -> bool:
    return all(_true(test(one)) for one in iterate(values))


@ENUMERABLE.member("int Count(Func<E,bool> predicate?)")
def count(values: object, test: Selector | None = None) -> int:
    return sum(1 for one in iterate(values) if test is None or _true(test(one)))


@ENUMERABLE.member("long LongCount(Func<E,bool> predicate?)")
def long_count(values: object, test: Selector | None = None) -> Int64:
    return Int64(count(values, test))


def _matching(values: object, test: Selector | None) -> list[object]:
    return [one for one in iterate(values) if test is None or _true(test(one))]


@ENUMERABLE.member("E First(Func<E,bool> predicate?)", source="5.5")
def first(values: object, test: Selector | None = None) -> object:
    for one in iterate(values):
        if test is None or _true(test(one)):
            return one
    raise EMPTY if test is None else NO_MATCH


@ENUMERABLE.member("E FirstOrDefault(Func<E,bool> predicate?)", source="5.5")
def first_or_default(values: object, test: Selector | None = None) -> object:
    """Return the first match. If there is none, see `_absent`."""
    return next((one for one in iterate(values) if test is None or _true(test(one))), _absent(values))


def _absent(values: object) -> object:
    """Return default(T) for the elements' type as the first element shows it. For an empty list it is None.

    C# knows T of an empty list too, so it returns zero there if T is a value type.
    """
    if isinstance(values, list) and values and type(values[0]) in (int, float, bool, Int64, Char):
        return type(values[0])(0) if not isinstance(values[0], str) else Char("\0")
    return KeyValuePair(None, None) if isinstance(values, Dictionary) else None


@ENUMERABLE.member("E Last(Func<E,bool> predicate?)")
def last(values: object, test: Selector | None = None) -> object:
    found = _matching(values, test)
    if not found:
        raise EMPTY if test is None else NO_MATCH
    return found[-1]


@ENUMERABLE.member("E LastOrDefault(Func<E,bool> predicate?)")
def last_or_default(values: object, test: Selector | None = None) -> object:
    found = _matching(values, test)
    return found[-1] if found else _absent(values)


@ENUMERABLE.member("E Single(Func<E,bool> predicate?)")
def single(values: object, test: Selector | None = None) -> object:
    found = _matching(values, test)
    if len(found) > 1:
        raise Thrown("InvalidOperationException", "Sequence contains more than one element")
    if not found:
        raise EMPTY
    return found[0]


@ENUMERABLE.member("E SingleOrDefault(Func<E,bool> predicate?)")
def single_or_default(values: object, test: Selector | None = None) -> object:
    found = _matching(values, test)
    return single(found) if found else _absent(values)


@ENUMERABLE.member("E ElementAt(int index)")
def element_at(values: object, index: int) -> object:
    found = next(islice(iterate(values), index, None), EMPTY) if index >= 0 else EMPTY
    if found is EMPTY:
        raise Thrown("ArgumentOutOfRangeException", "Index was out of range. (Parameter 'index')")
    return found


@ENUMERABLE.member("E ElementAtOrDefault(int index)")
def element_at_or_default(values: object, index: int) -> object:
    return next(islice(iterate(values), index, None), _absent(values)) if index >= 0 else _absent(values)


def compared(a: object, b: object) -> int:
    """Compare as Comparer<T>.Default does: null comes first, text by culture, numbers and times by value.

    Returns a negative number, 0 or a positive one.
    """
    if a is None or b is None:
        return (a is not None) - (b is not None)
    if type(a) is str and type(b) is str:
        return compare(a, b)
    if isinstance(a, bool) and isinstance(b, bool):
        return a - b
    if hasattr(a, "value") and hasattr(b, "value"):
        return compared(a.value, b.value)
    return 1 if BINARY[">"](a, b) else -1 if BINARY["<"](a, b) else 0


def _numbers(values: object, selector: Selector | None) -> list[object]:
    return [one if selector is None else selector(one) for one in iterate(values)]


@ENUMERABLE.member("dynamic Sum(Func<E,R> selector?)")
def sum_(values: object, selector: Selector | None = None) -> object:
    total: object = None
    for one in _numbers(values, selector):
        if one is not None:
            total = one if total is None else add(total, one)
    return 0 if total is None else total


@ENUMERABLE.member("dynamic Max(Func<E,R> selector?)", source="5.5")
def max_(values: object, selector: Selector | None = None) -> object:
    return _extreme(_numbers(values, selector), 1)


@ENUMERABLE.member("dynamic Min(Func<E,R> selector?)")
def min_(values: object, selector: Selector | None = None) -> object:
    return _extreme(_numbers(values, selector), -1)


def _extreme(values: list[object], sign: int) -> object:
    if not values:
        raise EMPTY
    best = values[0]
    for one in values[1:]:
        if compared(one, best) * sign > 0:
            best = one
    return best


@ENUMERABLE.member("dynamic Average(Func<E,R> selector?)")
def average(values: object, selector: Selector | None = None) -> object:
    numbers = _numbers(values, selector)
    if not numbers:
        raise EMPTY
    total = sum_(numbers)
    return BINARY["/"](total if isinstance(total, Decimal) else cast(total, "double"), len(numbers))


@ENUMERABLE.member("List<E> ToList()")
def to_list(values: object) -> list[object]:
    made = list(iterate(values))
    checked_length(len(made), MAX_ITEMS)
    return made


@ENUMERABLE.member("E[] ToArray()", source="5.5")
def to_array(values: object) -> object:
    return values if isinstance(values, bytes) else Array(iterate(values))


@ENUMERABLE.member("Dictionary<R,?> ToDictionary(Func<E,object> key, Func<E,object>|object element?, object comparer?)")
def to_dictionary(values: object, key: Selector, element: object = None, comparer: object = None) -> Dictionary:
    # Without a selector of the element, the comparer is the second argument.
    made = Dictionary(ignore_case=any(getattr(each, "name", "").endswith("IgnoreCase") for each in (element, comparer)))
    for one in iterate(values):
        name = key(one)
        if made.get(name) is not None:
            raise Thrown("ArgumentException", "An item with the same key has already been added.")
        made.put(name, element(one) if callable(element) else one)
    charge(len(made))
    return made


@ENUMERABLE.member("IEnumerable<E> Concat(IEnumerable second)", source="5.5")
def concat(values: object, second: object) -> Sequence:
    made = Sequence([*iterate(values), *iterate(second)])
    checked_length(len(made), MAX_ITEMS)
    return made


def _distinct(values: object) -> Sequence:
    buckets: dict[int, list[object]] = {}
    made = Sequence()
    for one in iterate(values):
        same = buckets.setdefault(0 if one is None else hash_code(one), [])
        charge(len(same))
        if not any(_same(one, other) for other in same):
            same.append(one)
            made.append(one)
    return made


def _same(a: object, b: object) -> bool:
    return a is b if a is None or b is None else object_equals(a, b)


ENUMERABLE.member("IEnumerable<E> Distinct()")(_distinct)
ENUMERABLE.member("IEnumerable<E> Union(IEnumerable second)")(lambda values, second: _distinct(concat(values, second)))


def _contained(values: object, second: object, wanted: bool) -> Sequence:
    others = list(iterate(second))
    return Sequence(one for one in _distinct(values) if contains(others, one) is wanted)


ENUMERABLE.member("IEnumerable<E> Except(IEnumerable second)")(lambda values, second: _contained(values, second, False))
ENUMERABLE.member("IEnumerable<E> Intersect(IEnumerable second)")(
    lambda values, second: _contained(values, second, True)
)


@ENUMERABLE.member("bool Contains(E value, object comparer?)", source="5.5")
def contains(values: object, wanted: object, comparer: object = None) -> bool:
    items = list(iterate(values))
    charge(len(items) >> 2)
    if getattr(comparer, "name", "").endswith("IgnoreCase") and isinstance(wanted, str):
        return any(isinstance(one, str) and one.lower() == wanted.lower() for one in items)
    return any(_same(one, wanted) for one in items)


@ENUMERABLE.member("bool SequenceEqual(IEnumerable second)")
def sequence_equal(values: object, second: object) -> bool:
    first_, other = list(iterate(values)), list(iterate(second))
    return len(first_) == len(other) and all(map(_same, first_, other))


@ENUMERABLE.member("IEnumerable<E> Take(int count)")
def take(values: object, number: int) -> Sequence:
    return Sequence(islice(iterate(values), max(number, 0)))


@ENUMERABLE.member("IEnumerable<E> Skip(int count)")
def skip(values: object, number: int) -> Sequence:
    return Sequence(islice(iterate(values), max(number, 0), None))


@ENUMERABLE.member("IEnumerable<E> TakeWhile(Func<E,bool> predicate)")
def take_while(values: object, test: Selector) -> Sequence:
    made = Sequence()
    for one in iterate(values):
        if not _true(test(one)):
            break
        made.append(one)
    return made


@ENUMERABLE.member("IEnumerable<E> SkipWhile(Func<E,bool> predicate)")
def skip_while(values: object, test: Selector) -> Sequence:
    items = list(iterate(values))
    return Sequence(items[len(take_while(items, test)) :])


@ENUMERABLE.member("IEnumerable<E> Reverse()")
def reverse(values: object) -> Sequence:
    return Sequence(reversed(list(iterate(values))))


@ENUMERABLE.member("IEnumerable<E> Append(E element)")
def append(values: object, one: object) -> Sequence:
    return concat(values, [one])


@ENUMERABLE.member("IEnumerable<E> Prepend(E element)")
def prepend(values: object, one: object) -> Sequence:
    return concat([one], values)


@ENUMERABLE.member("IEnumerable<E> DefaultIfEmpty(E defaultValue?)")
def default_if_empty(values: object, default: object = None) -> Sequence:
    return Sequence(iterate(values)) or Sequence([default])


@ENUMERABLE.member("dynamic Aggregate(Func<E,E,object> func)")
def aggregate(values: object, function: Selector) -> object:
    items = iter(iterate(values))
    seed = next(items, EMPTY)
    if seed is EMPTY:
        raise EMPTY
    for one in items:
        seed = function(seed, one)
    return seed


@ENUMERABLE.member("dynamic Aggregate(object seed, Func<?,E,object> func)")
def aggregate_from(values: object, seed: object, function: Selector) -> object:
    for one in iterate(values):
        seed = function(seed, one)
    return seed


@ENUMERABLE.member("IEnumerable<R> Zip(IEnumerable second, Func<E,?,R> selector)")
def zip_(values: object, second: object, selector: Selector) -> Sequence:
    return Sequence(selector(a, b) for a, b in zip(iterate(values), iterate(second), strict=False))


@ENUMERABLE.member("IEnumerable<T> Cast<T>()")
def cast_(values: object, wanted: str | None) -> Sequence:
    return Sequence(cast(one, wanted or "object") for one in iterate(values))


@ENUMERABLE.member("IEnumerable<T> OfType<T>()")
def of_type(values: object, wanted: str | None) -> Sequence:
    return Sequence(one for one in iterate(values) if is_instance(one, wanted or "object"))
