"""Registers the members of List<T>, arrays, Dictionary<K,V>, KeyValuePair and StringBuilder."""

from __future__ import annotations

from collections.abc import Callable

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.basic import object_equals
from provision.local.apim.expressions.library.strings import STRING, out_of_range
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.limits import MAX_ITEMS, checked_length
from provision.local.apim.expressions.runtime.iteration import iterate
from provision.local.apim.expressions.runtime.text import FORMATTERS, NEWLINE, composite, to_text
from provision.local.apim.expressions.runtime.values import (
    Array,
    Byte,
    Char,
    Dictionary,
    EnumValue,
    KeyValuePair,
    Sequence,
)

__all__ = ["ENUMERABLE", "StringBuilder", "missing_key"]

ENUMERABLE = Table("IEnumerable", (Sequence,), "System.Collections.Generic", bases=("object",), source="5.5")
COLLECTION = Table(
    "ICollection", (), "System.Collections.Generic", ("IReadOnlyCollection",), bases=("IEnumerable",), source="5.5"
)
ARRAY = Table("Array", (Array,), bases=("IEnumerable",), source="5.5")
BYTES = Table("byte[]", (bytes,), bases=("Array",), source="5.5")
LIST = Table("List", (list,), "System.Collections.Generic", ("IList", "IReadOnlyList"), bases=("ICollection",))
DICTIONARY = Table(
    "Dictionary",
    (Dictionary,),
    "System.Collections.Generic",
    ("IDictionary", "IReadOnlyDictionary"),
    bases=("IEnumerable",),
)
PAIR = Table("KeyValuePair", (KeyValuePair,), "System.Collections.Generic", bases=("ValueType",))
STRING.bases = ("IEnumerable",)


def missing_key(key: object = None) -> Thrown:
    return Thrown("KeyNotFoundException", "The given key was not present in the dictionary.")


@COLLECTION.member("int Count")
def count_of(values: list[object]) -> int:
    return len(values)


@ARRAY.member("int Length")
def length_of(values: list[object] | bytes) -> int:
    return len(values)


@ARRAY.member("E this[int index]")
def element(values: list[object] | bytes, index: int) -> object:
    if not 0 <= index < len(values):
        raise Thrown("IndexOutOfRangeException", "Index was outside the bounds of the array.")
    return Byte(values[index]) if isinstance(values, bytes) else values[index]


def _set_element(values: list[object], index: int, value: object) -> None:
    element(values, index)
    values[index] = value


ARRAY.setters["[]"] = _set_element


@ARRAY.member("static int IndexOf(object[] array, object value)")
def array_index_of(values: object, value: object) -> int:
    return next((index for index, one in enumerate(iterate(values)) if object_equals(one, value)), -1)


ARRAY.member("static bool Exists(object[] array, Func<?,bool> match)")(
    lambda values, match: any(match(one) is True for one in iterate(values))
)
ARRAY.member("static dynamic Find(object[] array, Func<?,bool> match)")(
    lambda values, match: next((one for one in iterate(values) if match(one) is True), None)
)


@LIST.member("new(int|IEnumerable source?, object comparer?)")
def new_list(source: object = None, comparer: object = None) -> list[object]:
    return [] if source is None or isinstance(source, int) else list(iterate(source))


@LIST.member("E this[int index]")
def list_element(values: list[object], index: int) -> object:
    if not 0 <= index < len(values):
        raise out_of_range("index")
    return values[index]


def _set_list_element(values: list[object], index: int, value: object) -> None:
    list_element(values, index)
    values[index] = value


LIST.setters["[]"] = _set_list_element


@LIST.member("void Add(E item)")
def add(values: list[object], item: object) -> None:
    checked_length(len(values) + 1, MAX_ITEMS)
    values.append(item)


@LIST.member("void AddRange(IEnumerable items)")
def add_range(values: list[object], items: object) -> None:
    more = list(iterate(items))
    checked_length(len(values) + len(more), MAX_ITEMS)
    values.extend(more)


@LIST.member("void Insert(int index, E item)")
def insert(values: list[object], index: int, item: object) -> None:
    if not 0 <= index <= len(values):
        raise out_of_range("index")
    checked_length(len(values) + 1, MAX_ITEMS)
    values.insert(index, item)


@LIST.member("bool Remove(E item)")
def remove(values: list[object], item: object) -> bool:
    index = array_index_of(values, item)
    if index >= 0:
        del values[index]
    return index >= 0


@LIST.member("void RemoveAt(int index)")
def remove_at(values: list[object], index: int) -> None:
    list_element(values, index)
    del values[index]


@LIST.member("int RemoveAll(Func<E,bool> match)")
def remove_all(values: list[object], match: Callable[[object], object]) -> int:
    kept = [one for one in values if match(one) is not True]
    removed = len(values) - len(kept)
    values[:] = kept
    return removed


@LIST.member("void Clear()", source="5.5")
def clear(values: list[object]) -> None:
    values.clear()


@LIST.member("int IndexOf(E item)")
def index_of(values: list[object], item: object) -> int:
    return array_index_of(values, item)


@LIST.member("void ForEach(Action<E> action)")
def for_each(values: list[object], action: Callable[[object], object]) -> None:
    for one in iterate(values):
        action(one)


@LIST.member("E Find(Func<E,bool> match)")
def find(values: list[object], match: Callable[[object], object]) -> object:
    return next((one for one in values if match(one) is True), None)


@LIST.member("bool Exists(Func<E,bool> match)")
def exists(values: list[object], match: Callable[[object], object]) -> bool:
    return any(match(one) is True for one in values)


@LIST.member("void Reverse()")
def reverse(values: list[object]) -> None:
    values.reverse()


@DICTIONARY.member("new(Dictionary|int|object source?, object comparer?)")
def new_dictionary(source: object = None, comparer: object = None) -> Dictionary:
    ignore = any(isinstance(one, EnumValue) and one.name.endswith("IgnoreCase") for one in (source, comparer))
    pairs = source.pairs() if isinstance(source, Dictionary) else ()
    return Dictionary(((pair.key, pair.value) for pair in pairs), ignore)


@DICTIONARY.member("V this[K key]")
def entry(values: Dictionary, key: object) -> object:
    found = values.get(_key(key))
    if found is None:
        raise missing_key(key)
    return found[1]


def _key(key: object) -> object:
    if key is None:
        raise Thrown("ArgumentNullException", "Value cannot be null. (Parameter 'key')")
    return key


def _put(values: Dictionary, key: object, value: object) -> None:
    checked_length(len(values) + 1, MAX_ITEMS)
    values.put(_key(key), value)


DICTIONARY.setters["[]"] = _put


@DICTIONARY.member("void Add(K key, V value)")
def add_entry(values: Dictionary, key: object, value: object) -> None:
    if values.get(_key(key)) is not None:
        raise Thrown("ArgumentException", f"An item with the same key has already been added. Key: {to_text(key)}")
    _put(values, key, value)


@DICTIONARY.member("int Count")
def entries(values: Dictionary) -> int:
    return len(values)


@DICTIONARY.member("IEnumerable<K> Keys")
def keys(values: Dictionary) -> Sequence:
    return Sequence(pair.key for pair in values.pairs())


@DICTIONARY.member("IEnumerable<V> Values")
def values_of(values: Dictionary) -> Sequence:
    return Sequence(pair.value for pair in values.pairs())


@DICTIONARY.member("bool ContainsKey(K key)")
def contains_key(values: Dictionary, key: object) -> bool:
    return values.get(_key(key)) is not None


@DICTIONARY.member("bool TryGetValue(K key, out V value)")
def try_get_value(values: Dictionary, key: object) -> tuple[bool, object]:
    found = values.get(_key(key))
    return found is not None, None if found is None else found[1]


@DICTIONARY.member("V GetValueOrDefault(K key, V defaultValue?)")
def get_value_or_default(values: Dictionary, key: object, default: object = None) -> object:
    found = values.get(_key(key))
    return default if found is None else found[1]


@DICTIONARY.member("bool Remove(K key)")
def remove_entry(values: Dictionary, key: object) -> bool:
    return values.items.pop(values.hashed(_key(key)), None) is not None


@DICTIONARY.member("void Clear()")
def clear_entries(values: Dictionary) -> None:
    values.items.clear()


@PAIR.member("new(K key, V value)")
def new_pair(key: object, value: object) -> KeyValuePair:
    return KeyValuePair(key, value)


@PAIR.member("K Key")
def pair_key(pair: KeyValuePair) -> object:
    return pair.key


@PAIR.member("V Value")
def pair_value(pair: KeyValuePair) -> object:
    return pair.value


class StringBuilder:
    """StringBuilder: pieces of text, joined only when the text is read."""

    __slots__ = ("length", "parts")

    def __init__(self, text: str = "") -> None:
        self.parts, self.length = [text], len(text)

    def append(self, text: str) -> StringBuilder:
        self.length = checked_length(self.length + len(text))
        self.parts.append(text)
        return self

    def text(self) -> str:
        self.parts = ["".join(self.parts)]
        return self.parts[0]

    def replace_all(self, text: str) -> StringBuilder:
        self.parts, self.length = [text], checked_length(len(text))
        return self


BUILDER = Table("StringBuilder", (StringBuilder,), "System.Text", bases=("object",))
FORMATTERS[StringBuilder] = lambda value, pattern: value.text()


@BUILDER.member("new(string|int value?, int capacity?)")
def new_builder(value: object = None, capacity: int | None = None) -> StringBuilder:
    return StringBuilder(value if isinstance(value, str) else "")


@BUILDER.member("StringBuilder Append(object value, int repeatCount?)")
def append(builder: StringBuilder, value: object, count: int | None = None) -> StringBuilder:
    text = to_text(value)
    if count is not None:
        checked_length(len(text) * max(count, 0))
        text *= count
    return builder.append(text)


@BUILDER.member("StringBuilder AppendLine(string value?)", source="5.5")
def append_line(builder: StringBuilder, value: str | None = None) -> StringBuilder:
    return builder.append((value or "") + NEWLINE)


@BUILDER.member("StringBuilder AppendFormat(string format, params object[] arguments)")
def append_format(builder: StringBuilder, template: str, *values: object) -> StringBuilder:
    return builder.append(composite(template, list(values)))


@BUILDER.member("StringBuilder Insert(int index, object value)")
def insert_text(builder: StringBuilder, index: int, value: object) -> StringBuilder:
    text = builder.text()
    if not 0 <= index <= len(text):
        raise out_of_range("index")
    return builder.replace_all(text[:index] + to_text(value) + text[index:])


@BUILDER.member("StringBuilder Remove(int startIndex, int length)")
def remove_text(builder: StringBuilder, start: int, count: int) -> StringBuilder:
    text = builder.text()
    if start < 0 or count < 0 or start + count > len(text):
        raise out_of_range("startIndex")
    return builder.replace_all(text[:start] + text[start + count :])


@BUILDER.member("StringBuilder Replace(string|char oldValue, string|char newValue)")
def replace_text(builder: StringBuilder, old: str, new: str | None) -> StringBuilder:
    text = builder.text()
    checked_length(len(text) + text.count(old) * len(new or ""))
    return builder.replace_all(text.replace(old, new or ""))


@BUILDER.member("StringBuilder Clear()")
def clear_text(builder: StringBuilder) -> StringBuilder:
    return builder.replace_all("")


@BUILDER.member("int Length")
def text_length(builder: StringBuilder) -> int:
    return builder.length


@BUILDER.member("char this[int index]")
def text_char(builder: StringBuilder, index: int) -> Char:
    if not 0 <= index < builder.length:
        raise Thrown("IndexOutOfRangeException", "Index was outside the bounds of the array.")
    return Char(builder.text()[index])


@BUILDER.member("string ToString()")
def built(builder: StringBuilder) -> str:
    return builder.text()
