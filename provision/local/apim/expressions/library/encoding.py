"""Registers the members of Convert, Encoding and BitConverter."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.basic import enumeration, parse_bool
from provision.local.apim.expressions.library.dates import parse_date
from provision.local.apim.expressions.library.numbers import parse_number
from provision.local.apim.expressions.library.strings import null_argument, out_of_range
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.library.times import DateTime
from provision.local.apim.expressions.runtime.casts import NUMERIC, default_of, full_name, full_name_of, to_number
from provision.local.apim.expressions.runtime.text import to_text
from provision.local.apim.expressions.runtime.values import INTEGERS, Char, Int64, wrap

__all__: list[str] = []

CONVERT = Table("Convert", (), bases=("object",))
enumeration("Base64FormattingOptions", {"None": 0, "InsertLineBreaks": 1})


@CONVERT.member("static string ToBase64String(byte[] bytes, object options?)")
def to_base64(data: bytes | None, options: object = None) -> str:
    if data is None:
        raise null_argument("inArray")
    return base64.b64encode(data).decode("ascii")


@CONVERT.member("static byte[] FromBase64String(string s)")
def from_base64(text: str | None) -> bytes:
    if text is None:
        raise null_argument("s")
    plain = "".join(text.split())
    try:
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError) as failure:
        raise Thrown(
            "FormatException",
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding "
            "characters, or an illegal character among the padding characters.",
        ) from failure


@CONVERT.member("static string ToHexString(byte[] bytes)")
def to_hex(data: bytes) -> str:
    return data.hex().upper()


@CONVERT.member("static byte[] FromHexString(string s)")
def from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text) if not any(map(str.isspace, text)) else bytes.fromhex("x")
    except ValueError as failure:
        raise Thrown("FormatException", "The input is not a valid hex string.") from failure


def _number(target: str) -> Callable[..., object]:
    kind = NUMERIC[target]

    def convert(value: object, base: object = None) -> object:
        """Convert a value to the type: null is zero, text is parsed, and fractions are rounded half to even.

        Raises Thrown (OverflowException) for a value out of the type's range.
        """
        if value is None:
            return default_of(target)
        if isinstance(value, bool):
            return to_number(int(value), target)
        if type(value) is str:
            return _in_base(value, base, kind) if type(base) is int and base != 10 else parse_number(kind, value)
        if isinstance(value, (float, Decimal)) and kind in INTEGERS:
            value = _rounded(value, target)
        if not isinstance(value, (int, float, Decimal, Char)):
            raise Thrown(
                "InvalidCastException", f"Unable to cast object of type '{full_name_of(value)}' to IConvertible."
            )
        _check_range(value, target)
        return to_number(value, target)

    return convert


def _rounded(value: float | Decimal, target: str) -> int:
    if isinstance(value, float) and not math.isfinite(value):
        raise _overflow(target)
    return round(value)


def _overflow(target: str) -> Thrown:
    return Thrown("OverflowException", f"Value was either too large or too small for {full_name(target)}.")


def _check_range(value: object, target: str) -> None:
    bounds = INTEGERS.get(NUMERIC[target])
    if bounds is not None and isinstance(value, int) and not bounds[1] <= value <= bounds[2]:
        raise _overflow(target)


def _in_base(text: str, base: int, kind: type) -> object:
    if base not in (2, 8, 16):
        raise Thrown("ArgumentException", "Invalid Base.")
    plain = text[2:] if base == 16 and text[:2].lower() == "0x" else text
    if not plain or len(plain) > 64 or not plain.isalnum():
        raise Thrown("FormatException", "Could not find any recognizable digits.")
    try:
        return wrap(kind, int(plain, base))
    except ValueError as failure:
        raise Thrown("FormatException", "Could not find any recognizable digits.") from failure


for _method, _target in (
    ("ToInt32", "int"), ("ToInt64", "long"), ("ToInt16", "short"), ("ToUInt32", "uint"), ("ToUInt64", "ulong"),
    ("ToUInt16", "ushort"), ("ToByte", "byte"), ("ToSByte", "sbyte"), ("ToDouble", "double"), ("ToSingle", "float"),
    ("ToDecimal", "decimal"),
):  # fmt: skip
    CONVERT.member(f"static {_target} {_method}(object value, object baseOrCulture?)")(_number(_target))


@CONVERT.member("static char ToChar(object value)")
def to_char(value: object) -> object:
    if isinstance(value, str):
        if len(value) != 1:
            raise Thrown("FormatException", "String must be exactly one character long.")
        return Char(value)
    return to_number(value, "char")


@CONVERT.member("static bool ToBoolean(object value)")
def to_boolean(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is True
    if isinstance(value, str):
        return parse_bool(value)
    return to_number(value, "double") != 0.0


@CONVERT.member("static string ToString(object value, object baseOrCulture?)")
def to_string(value: object, base: object = None) -> str:
    if type(base) is int and isinstance(value, int) and base in (2, 8, 16):
        _, low, high = INTEGERS.get(type(value), INTEGERS[Int64])
        return format(int(value) & (high - low), {2: "b", 8: "o", 16: "x"}[base])
    return to_text(value)


@CONVERT.member("static DateTime ToDateTime(object value)")
def to_date(value: object) -> object:
    return value if isinstance(value, DateTime) else parse_date(to_text(value))


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """A System.Text.Encoding. `codec`: Python's name for it. `name`: .NET's."""

    codec: str
    name: str


ENCODING = Table("Encoding", (TextEncoding,), "System.Text", ("UTF8Encoding", "ASCIIEncoding"), bases=("object",))
for _label, _codec, _name in (
    ("UTF8", "utf-8", "utf-8"), ("ASCII", "ascii", "us-ascii"), ("Unicode", "utf-16-le", "utf-16"),
    ("BigEndianUnicode", "utf-16-be", "utf-16BE"), ("UTF32", "utf-32-le", "utf-32"), ("Default", "utf-8", "utf-8"),
):  # fmt: skip
    ENCODING.member(f"static Encoding {_label}")(lambda one=TextEncoding(_codec, _name): one)


@ENCODING.member("static Encoding GetEncoding(string name)")
def get_encoding(name: str) -> TextEncoding:
    known = {"utf-8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "utf-16": "utf-16-le", "iso-8859-1": "latin-1"}
    codec = known.get(name.lower())
    if codec is None:
        raise Thrown("ArgumentException", f"'{name[:40]}' is not a supported encoding name.")
    return TextEncoding(codec, name.lower())


@ENCODING.member("byte[] GetBytes(string s)", source="5.5")
def get_bytes(encoding: TextEncoding, text: str | None) -> bytes:
    if text is None:
        raise null_argument("s")
    if encoding.codec == "utf-8":
        return text.encode("utf-8", "replace")
    return text.encode(encoding.codec, "replace")


@ENCODING.member("string GetString(byte[] bytes, int index?, int count?)", source="5.5")
def get_string(encoding: TextEncoding, data: bytes | None, index: int = 0, count: int | None = None) -> str:
    if data is None:
        raise null_argument("bytes")
    end = len(data) if count is None else index + count
    if not 0 <= index <= end <= len(data):
        raise out_of_range("index")
    return data[index:end].decode(encoding.codec, "replace")


ENCODING.member("int GetByteCount(string s)")(lambda encoding, text: len(get_bytes(encoding, text)))
ENCODING.member("string WebName")(lambda encoding: encoding.name)

BITS = Table("BitConverter", (), bases=("object",))


@BITS.member("static string ToString(byte[] value, int startIndex?, int length?)", source="5.6")
def bits_text(data: bytes, start: int = 0, count: int | None = None) -> str:
    end = len(data) if count is None else start + count
    if not 0 <= start <= end <= len(data):
        raise out_of_range("startIndex")
    return data[start:end].hex("-").upper()


_LAYOUTS = {
    "int": "<i",
    "long": "<q",
    "short": "<h",
    "uint": "<I",
    "ulong": "<Q",
    "ushort": "<H",
    "double": "<d",
    "float": "<f",
}
_METHODS = {"int": "ToInt32", "long": "ToInt64", "short": "ToInt16", "uint": "ToUInt32", "ulong": "ToUInt64"}
_METHODS |= {"ushort": "ToUInt16", "double": "ToDouble", "float": "ToSingle"}


def _unpacked(data: bytes, start: int, target: str) -> object:
    layout = _LAYOUTS[target]
    if not 0 <= start <= len(data) - struct.calcsize(layout):
        raise Thrown("ArgumentException", "Destination array is not long enough to copy all the items.")
    return NUMERIC[target](struct.unpack_from(layout, data, start)[0])


for _target, _layout in _LAYOUTS.items():
    BITS.member(f"static {_target} {_METHODS[_target]}(byte[] value, int startIndex)")(
        lambda data, start, target=_target: _unpacked(data, start, target)
    )
    BITS.member(f"static byte[] GetBytes({_target} value)")(lambda value, layout=_layout: struct.pack(layout, value))
BITS.member("static byte[] GetBytes(bool value)")(lambda value: bytes([value]))
BITS.member("static bool IsLittleEndian")(lambda: True)
