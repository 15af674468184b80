"""The types and members that expressions can use."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from provision.local.apim.expressions.library.table import all_tables

__all__ = ["documented_members", "load"]

_MODULES = (
    "basic", "strings", "numbers", "collections_", "sets", "linq", "linq_order", "json_",
    "json_objects", "context_", "entities", "dates", "encoding",
    "hashing", "jwt", "web", "regexes", "xml_",
)  # fmt: skip


def load() -> None:
    """Import the modules of the library, each of which registers its types in the tables."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")


def documented_members() -> Iterator[tuple[str, str, str]]:
    """Yield every type and member that an expression can use, as (type, C# signature, id of the source)."""
    load()
    for table in all_tables():
        for members in table.members.values():
            for member in members:
                if member.name != "*":
                    yield table.name, member.signature, member.source
