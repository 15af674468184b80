"""Compiles literals, `typeof` and `default` to constants."""

from __future__ import annotations

import re
from decimal import Decimal

from lark import Token

from provision.local.apim.expressions.compiler.operators import constant
from provision.local.apim.expressions.compiler.unit import Node, Syntax, Unit, children, rule
from provision.local.apim.expressions.language.tokens import unescape
from provision.local.apim.expressions.runtime.casts import default_of, full_name
from provision.local.apim.expressions.runtime.operators import negate, single
from provision.local.apim.expressions.runtime.values import Char, Int64, TypeValue, UInt32, UInt64

__all__: list[str] = []

_NUMBER = re.compile(r"(?P<body>0[xX][\da-fA-F]+|0[bB][01]+|[\d.]+(?:[eE][+-]?\d+)?)(?P<suffix>[a-zA-Z]*)$")


@rule("literal")
def _literal(unit: Unit, tree: Syntax) -> Node:
    token = tree.children[0]
    if not isinstance(token, Token):
        raise unit.error("Invalid literal", tree)
    return _constant(unit, token)


@rule("constant")
def _pattern_constant(unit: Unit, tree: Syntax) -> Node:
    first, *rest = [child for child in tree.children if isinstance(child, Token)]
    if not rest:
        return _constant(unit, first)
    node = _constant(unit, rest[0])
    value = node.run
    return Node(lambda f: negate(value(f)), node.type)


def _constant(unit: Unit, token: Token) -> Node:
    text = str(token)
    if token.type == "STRING":
        return constant(_string(unit, token), "string")
    if token.type == "CHAR":
        value = _unescaped(unit, text[1:-1], token)
        if len(value) != 1:
            raise unit.error("Too many characters in character literal", token)
        return constant(Char(value), "char")
    if token.type == "NUMBER":
        return _number(unit, token)
    if token.type == "NULL":
        return constant(None, "null")
    return constant(token.type == "TRUE", "bool")


def _string(unit: Unit, token: Token) -> str:
    text = str(token)
    if text.startswith("@"):
        return text[2:-1].replace('""', '"')
    return _unescaped(unit, text[1:-1], token)


def _unescaped(unit: Unit, text: str, token: Token) -> str:
    try:
        return unescape(text) if "\\" in text else text
    except (ValueError, OverflowError) as failure:
        raise unit.error(str(failure), token) from failure


def _number(unit: Unit, token: Token) -> Node:
    text = str(token).replace("_", "")
    hexadecimal = text[:2].lower() == "0x"
    found = re.match(r"(0[xX][\da-fA-F]+)([uUlL]*)$", text) if hexadecimal else _NUMBER.match(text)
    if found is None:
        raise unit.error(f"Invalid number '{token}'", token)
    body, suffix = found[1], found[2].lower()
    if hexadecimal or body[:2].lower() == "0b" or (suffix in ("", "u", "l", "ul", "lu") and body.isdigit()):
        return _integer(unit, int(body, 0) if body[:2].lower() in ("0x", "0b") else int(body), suffix, token)
    if suffix == "m":
        return constant(Decimal(body), "decimal")
    if suffix == "f":
        return constant(single(float(body)), "float")
    return constant(float(body), "double")


def _integer(unit: Unit, value: int, suffix: str, token: Token) -> Node:
    """Return a constant of the first of int, uint, long and ulong that can hold the value and allows the suffix."""
    for name, kind, limit, suffixes in (
        ("int", int, 2**31 - 1, ("",)),
        ("uint", UInt32, 2**32 - 1, ("", "u")),
        ("long", Int64, 2**63 - 1, ("", "l")),
        ("ulong", UInt64, 2**64 - 1, ("", "u", "l", "ul", "lu")),
    ):
        if suffix in suffixes and value <= limit:
            return constant(kind(value), name)
    raise unit.error("Integral constant is too large", token)


@rule("default_")
def _default(unit: Unit, tree: Syntax) -> Node:
    named = children(tree, "type")
    if not named:
        return constant(None, "null")
    type_name = unit.type_name(named[0])
    value = default_of(type_name)
    return Node(lambda f: value, type_name)


@rule("typeof_")
def _typeof(unit: Unit, tree: Syntax) -> Node:
    return constant(TypeValue(full_name(unit.type_name(children(tree, "type")[0]))), "Type")
